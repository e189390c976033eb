"""What listening and answering cost: in one process, and in real Keystone and Glance, with and without, in turns.

    uv run python bench/health_overhead.py [STARTS] [in-process] [keystone] [glance]

In one process: microseconds a call of a bare application, of ``GET /health``, of oslo.middleware's, and of the
bare application through the middleware. In services: behind uWSGI on one database one with the middleware and one
without, asked in turns, and started anew again and again; the ratio of the processor time that the workers took (/proc,
which other work on the machine does not change much), of the calls in a second, and of the 99th percentile. Beside
Keystone's two stand a third one, in a function that does nothing but call it, and a fourth one, in a function that
does nothing but give its frames room as Onward does (`onward_service/frames.py`): with to room is what listening costs.
"""

import json
import os
import random
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
from oslo_middleware.healthcheck import Healthcheck

sys.path.insert(0, str(Path(__file__).parents[1] / "packages" / "onward-service" / "tests"))

from material.served_pair import PATHS, place
from onward_service.observation import Outcome
from onward_service.process import listening
from onward_service.wsgi import wrap
from served_releases import Served, call

CALLS = 500
REQUESTS = {"keystone": 200, "glance": 1500}
"""To each of them, after every start: the slowest hundredth has to be many."""
WARM = 20
PROCESSORS = sorted(os.sched_getaffinity(0))
AROUND = {
    "idle": """\
from keystone.wsgi.api import application as service


def application(environ, start_response):
    return service(environ, start_response)
""",
    "room": """\
from keystone.wsgi.api import application as service
from onward_service.frames import roomy

application = roomy(service)
""",
}
"""Middlewares that hear nothing."""
Sides = Mapping[str, tuple[Served, bool]]
"""By name the services that are compared, and whether to put ``wrap`` around them."""


def bare(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


def in_process(rounds: int) -> dict[str, object]:
    wrapped = wrap(bare, service="keystone")
    collector, _ = listening(None)
    for component in ("sql:db:3306/keystone", "cache:c:11211", "messaging:mq:5672"):
        collector.observe(component, Outcome.ANSWERED, 0.001)
    upstream = Healthcheck.app_factory({}, backends="disable_by_file", disable_by_file_path="/nonexistent")
    cases: dict[str, tuple[Any, str]] = {
        "bare": (bare, "/x"),
        "health": (wrapped, "/health"),
        "through": (wrapped, "/x"),
        "oslo.middleware": (upstream, "/healthcheck"),
    }
    took: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (application, path) in cases.items():
            took[name].append(1e6 * _a_call(application, path))
    beyond = [health - alone for health, alone in zip(took["health"], took["bare"], strict=True)]
    return {
        **{f"{name}_us": _spread(values) for name, values in took.items()},
        "health_beyond_bare_us": _spread(beyond),
        "through_beyond_bare_us": _spread([a - b for a, b in zip(took["through"], took["bare"], strict=True)]),
    }


def _a_call(application: Any, path: str) -> float:
    """Seconds of processor time for one call."""
    began = time.process_time()
    for _ in range(CALLS):
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": path,
            "REMOTE_ADDR": "192.0.2.1",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "5000",
            "wsgi.url_scheme": "http",
        }
        b"".join(application(environ, lambda status, headers: None))
    return (time.process_time() - began) / CALLS


def in_services(starts: int, services: Sequence[str]) -> Iterator[tuple[str, object]]:
    """Keystone, and then Glance, which asks a Keystone without the middleware: those that are wanted."""
    with ExitStack() as stack:
        there = stack.enter_context(place())
        first, without, having, *others = there.keystones(3 + len(AROUND))
        for each, (name, text) in zip(others, AROUND.items(), strict=True):
            (there.package / f"{name}.py").write_text(text)
            each.application = f"{name}:application"
        first.prepare()
        for each in (without, having, *others):
            shutil.copytree(first.home / "keys", each.home / "keys")
        stack.enter_context(first.serving(wrapped=False))
        token = first.token()
        if "keystone" in services:
            around = {name: (each, False) for name, each in zip(AROUND, others, strict=True)}
            sides: Sides = {"without": (without, False), "with": (having, True), **around}
            yield "keystone", _compared(starts, sides, token)
        if "glance" in services:
            sides = {name: (each, False) for name, each in zip(("without", "with"), there.glances(first), strict=True)}
            yield "glance", _compared(starts, sides, token)


def _compared(starts: int, sides: Sides, token: str) -> dict[str, object]:
    """Start all anew each time: processes of the same code differ by some percent, as their memory lies.

    Each time in another order, and all with the same seed for the order of sets, which is another the next time.
    """
    used: dict[str, list[float]] = {name: [] for name in sides}
    took: dict[str, list[list[float]]] = {name: [] for name in sides}
    for number in range(starts):
        order = random.Random(number).sample([*sides.values()], len(sides))  # noqa: S311 - the same each time
        os.environ["PYTHONHASHSEED"] = str(number + 1)
        with ExitStack() as stack:
            for each, wrapping in order:
                options = {"state_file": str(each.state)} if wrapping else {}
                stack.enter_context(each.serving(wrapped=wrapping, **options))
            measured, processors = _asked([each for each, _ in sides.values()], token, number)
        for name, calls, processor in zip(sides, measured, processors, strict=True):
            took[name].append(calls)
            used[name].append(processor)
    alone = [1000 * sum(each) / len(each) for each in took["without"]]
    pairs = [("with", "without"), ("idle", "without"), ("room", "without"), ("with", "room")]
    return {
        "starts": starts,
        "requests_a_start_to_each": len(took["with"][0]),
        "ms_of_a_request_without": _spread(alone),
        "p95_p98_p99_p995_ms": {name: [round(1000 * each, 2) for each in _tail_of(took[name])] for name in sides},
        **{f"{one} to {other}": _ratios(used, took, one, other) for one, other in pairs if {one, other} <= set(sides)},
    }


def _ratios(
    used: Mapping[str, list[float]], took: Mapping[str, list[list[float]]], one: str, other: str
) -> dict[str, object]:
    """Of the processor time, the requests in a second, and the 99th percentile."""
    processor = [a / b for a, b in zip(used[one], used[other], strict=True)]
    throughput = [sum(b) / sum(a) for a, b in zip(took[one], took[other], strict=True)]
    return {
        "processor_time_ratio": _known(processor, statistics.mean),
        "throughput_ratio": _known(throughput, statistics.mean),
        "p99_ratio": _tail((took[other], took[one])),
    }


def _asked(services: Sequence[Served], token: str, number: int) -> tuple[list[list[float]], list[float]]:
    """Ask them in turns, in another order each time: the seconds that each call took, and those of the processors."""
    lot = random.Random(number)  # noqa: S311 - the same each time
    path = PATHS[services[0].name]
    took: list[list[float]] = [[] for _ in services]
    workers = [psutil.Process(each.master).children(recursive=True) for each in services]
    # Who asks and who is asked do not take a processor from one another, and nobody is moved in the middle of a call.
    *others, last = PROCESSORS
    if others:
        psutil.Process().cpu_affinity(others)
        for each in (each for all_of_one in workers for each in all_of_one):
            each.cpu_affinity([last])
    before = [0.0 for _ in services]
    for request in range(WARM + REQUESTS[services[0].name]):
        if request == WARM:
            before = [_processor(each) for each in workers]
        for which in lot.sample(range(len(services)), len(services)):
            at = time.perf_counter()
            assert call(services[which].port, path, headers={"X-Auth-Token": token}).status == 200
            if request >= WARM:
                took[which].append(time.perf_counter() - at)
    return took, [_processor(each) - begun for each, begun in zip(workers, before, strict=True)]


def _tail(latencies: tuple[list[list[float]], list[list[float]]]) -> dict[str, float]:
    """Of the 99th percentile of all calls the ratio, and how well it is known."""
    without, having = latencies
    lot = random.Random(2026)  # noqa: S311 - the same each time
    drawn = []
    for _ in range(400):
        which = lot.choices(range(len(without)), k=len(without))
        drawn.append(_ninety_ninth([having[each] for each in which]) / _ninety_ninth([without[each] for each in which]))
    drawn.sort()
    ratio = _ninety_ninth(having) / _ninety_ninth(without)
    return {"ratio": round(ratio, 4), "between": round(drawn[10], 4), "and": round(drawn[389], 4)}


def _tail_of(starts: list[list[float]]) -> list[float]:
    cuts = statistics.quantiles([each for one in starts for each in one], n=200)
    return [cuts[189], cuts[195], cuts[197], cuts[198]]


def _ninety_ninth(starts: list[list[float]]) -> float:
    return statistics.quantiles([each for one in starts for each in one], n=100)[98]


def _known(ratios: list[float], measure: Callable[[list[float]], float]) -> dict[str, float]:
    """With to without, and how well it is known: 95 %, by drawing starts again."""
    lot = random.Random(2026)  # noqa: S311 - the same each time
    drawn = sorted(measure(lot.choices(ratios, k=len(ratios))) for _ in range(2000))
    return {"mean": round(measure(ratios), 4), "between": round(drawn[50], 4), "and": round(drawn[1949], 4)}


def _processor(processes: list[psutil.Process]) -> float:
    """Seconds that all their threads have run, to the nanosecond: /proc/PID/task/TID/schedstat."""
    files = [file for each in processes for file in Path(f"/proc/{each.pid}/task").glob("*/schedstat")]
    return sum(int(file.read_text().split()[0]) for file in files) / 1e9


def _spread(values: list[float], digits: int = 2) -> dict[str, float]:
    quarters = statistics.quantiles(values, n=4)
    return {
        "median": round(statistics.median(values), digits),
        "quartiles": [round(quarters[0], digits), round(quarters[2], digits)],  # type: ignore[dict-item]
    }


def main() -> None:
    words = sys.argv[1:]
    starts = int(words.pop(0)) if words and words[0].isdecimal() else 20
    parts = words or ["in-process", "keystone", "glance"]
    print(json.dumps({"load_1m": os.getloadavg()[0]}), flush=True)
    if "in-process" in parts:
        print(json.dumps({"in_process": in_process(max(starts, 20))}, indent=2), flush=True)
    for name, found in in_services(starts, parts):
        print(json.dumps({name: found}, indent=2), flush=True)


if __name__ == "__main__":
    main()
