"""However deep a call is that a service makes again and again, no memory is mapped for it each time."""

import json
import os
import subprocess
from functools import cache
from pathlib import Path

import pytest

PROGRAM = """
import json, resource
from onward_service.wsgi import wrap

CALLS, REQUESTS = 100, 150

def deepest():
    pass

def deeper(left):
    if left:
        deeper(left - 1)
    else:
        for _ in range(CALLS):
            deepest()

def application(environ, start_response):
    start_response("200 OK", [])
    deeper(environ["depth"])
    return [b""]

def mapped(asked, depth):
    "Pages that the kernel gave to a request, once there have been some."
    for number in range(2 * REQUESTS):
        if number == REQUESTS:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        b"".join(asked({"PATH_INFO": "/", "depth": depth}, lambda status, headers: None))
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / REQUESTS

wrapped = wrap(application, service="keystone")
depths = range(300)
print(json.dumps({
    "calls": CALLS,
    "alone": max(mapped(application, each) for each in depths),
    "around": max(mapped(wrapped, each) for each in depths),
    "shallow": mapped(wrapped, 0),
}))
"""


@cache
def told(python: Path, package: Path) -> dict[str, float]:
    environment = os.environ | {"PYTHONPATH": str(package)}
    ended = subprocess.run([python, "-c", PROGRAM], env=environment, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize("minor", [9, 10, 11, 12, 13])
def test_no_depth_of_calls_maps_memory_again_and_again(interpreter: Path, package: Path) -> None:
    pages = told(interpreter, package)
    assert pages["around"] < pages["calls"] / 5
    assert pages["shallow"] < 1


@pytest.mark.parametrize("minor", [11, 12])
def test_without_room_some_depth_does(interpreter: Path, package: Path) -> None:
    """What the other test would find: where this ends, the room is of no use any more."""
    pages = told(interpreter, package)
    assert pages["alone"] >= pages["calls"]
