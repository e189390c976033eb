"""A service's WSGI application in this process, behind more and fewer functions: MODULE:NAME, PATH, how often each.

Prints as JSON for each way the median of the pages that the kernel gave a request, and the milliseconds of processor
that it took. The token is taken from the environment, as ASKED_TOKEN.
"""

import gc
import json
import os
import random
import resource
import statistics
import sys
import time
from typing import Any

from asked_program import ask, told

from onward_service.frames import roomy

BEHIND = (0, 1, 2, 4, 8)
WARM = 30


def behind(application: Any, functions: int) -> Any:
    """The application, called by so many functions that do nothing else."""
    if not functions:
        return application
    inner = behind(application, functions - 1)

    def around(environ: Any, start_response: Any) -> Any:
        return inner(environ, start_response)

    return around


def measured(application: Any, path: str, token: str) -> tuple[int, float]:
    """Pages and milliseconds of one request."""
    pages, began = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt, time.thread_time()
    ask(application, path, token)
    took = time.thread_time() - began
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - pages, 1000 * took


def main() -> None:
    application, path, token, times = told()
    ways = {f"behind {each}": behind(application, each) for each in BEHIND} | {"with room": roomy(application)}
    for _ in range(WARM):
        for way in ways.values():
            ask(way, path, token)
    # What lives by now is looked through no more: so that a collection of garbage is no chance of one way.
    gc.collect()
    gc.freeze()
    found: dict[str, list[tuple[int, float]]] = {each: [] for each in ways}
    for _ in range(times):
        for each in random.sample([*ways], len(ways)):
            found[each].append(measured(ways[each], path, token))
    spread = {
        each: {
            "pages": statistics.median(pages for pages, _ in seen),
            "ms": [round(cut, 2) for cut in statistics.quantiles((ms for _, ms in seen), n=4)],
        }
        for each, seen in found.items()
    }
    sys.stdout.write(json.dumps(spread) + "\n")
    sys.stdout.flush()
    os._exit(0)


main()
