"""However deep a call is that a service makes again and again, no memory is mapped for it each time."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from onward.hosts.interpreters import find_interpreters

PROGRAM = """
import json, resource, sys
from onward_service.wsgi import wrap

CALLS = 500

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

def mapped(asked):
    "Pages that a request at each depth was given by the kernel: of the depth with the most."
    most = 0
    for depth in range(350):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        b"".join(asked({"PATH_INFO": "/", "depth": depth}, lambda status, headers: None))
        most = max(most, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    return most

mapped(application)
wrapped = wrap(application, service="keystone")
print(json.dumps({"calls": CALLS, "alone": mapped(application), "around": mapped(wrapped)}))
"""


def told(python: Path, package: Path) -> dict[str, int]:
    environment = os.environ | {"PYTHONPATH": str(package)}
    ended = subprocess.run([python, "-c", PROGRAM], env=environment, check=True, capture_output=True, text=True)
    found: dict[str, int] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize("minor", [9, 10, 11, 12, 13])
def test_no_depth_of_calls_maps_memory_again_and_again(minor: int, package: Path) -> None:
    found = next((each for each in find_interpreters() if each.version.startswith(f"3.{minor}.")), None)
    if found is None:
        pytest.skip(f"needs Python 3.{minor}")
    pages = told(found.path, package)
    assert pages["around"] < pages["calls"] / 10


@pytest.mark.skipif(sys.version_info[:2] not in {(3, 11), (3, 12)}, reason="needs Python 3.11 or 3.12")
def test_without_room_some_depth_does(package: Path) -> None:
    """What the other test would find: where this ends, the room is of no use any more."""
    pages = told(Path(sys.executable), package)
    assert pages["alone"] >= pages["calls"]
