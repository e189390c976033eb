"""What listening and answering cost: in one process, and in real Keystone and Glance, with and without, in turns.

    uv run python bench/health_overhead.py [ROUNDS] [in-process]

In one process: microseconds a call of a bare application, of ``GET /health``, of oslo.middleware's, and of the
bare application through the middleware. In services: two behind uWSGI on one database, one with the middleware and one
without, asked in turns; for each pair of rounds the ratio of the processor time that the worker took for a request
(/proc, which other work on the machine does not change much), of the requests in a second, and of the 99th percentile.
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
from oslo_middleware.healthcheck import Healthcheck

sys.path.insert(0, str(Path(__file__).parents[1] / "packages" / "onward-service" / "tests"))

from conftest import MEMCACHE, Environments
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.state import Directories, default_directories
from onward.survey.wsgi import PYUWSGI
from onward_service.observation import Outcome
from onward_service.process import listening
from onward_service.wsgi import wrap
from served import Database, Served, ServedGlance, ServedKeystone, call, installed

SERIES = "2026.1"
CALLS = 500
REQUESTS = 40


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


def in_services(rounds: int) -> dict[str, object]:
    """Keystone, and then Glance, which asks the Keystone without the middleware."""
    home = Path(tempfile.mkdtemp(prefix="health-overhead-"))
    environments = Environments(Directories(home / "state", default_directories().cache).prepared())
    package = installed(home / "package")
    try:
        with ExitStack() as stack:
            server = stack.enter_context(PrivateMariadb(home / "mariadb", home / "mariadb.log"))
            database = Database(server)
            python = environments.python("keystone", SERIES, (PYUWSGI, MEMCACHE))
            connection = database.make("keystone")
            pair = [ServedKeystone(home / f"keystone-{name}", python, connection, package) for name in ("0", "1")]
            pair[0].prepare()
            shutil.copytree(pair[0].home / "keys", pair[1].home / "keys")
            for each, wrapped in zip(pair, (False, True), strict=True):
                stack.enter_context(each.serving(wrapped=wrapped, state_file=str(each.state)))
            token = pair[0].token()
            found = {"keystone": _compared(rounds, pair[0], pair[1], "/v3/projects", token)}
            print(json.dumps(found), file=sys.stderr, flush=True)
            python = environments.python("glance", SERIES, (PYUWSGI, MEMCACHE))
            identity, connection = f"http://127.0.0.1:{pair[0].port}/v3", database.make("glance")
            others = [
                ServedGlance(home / f"glance-{filtered}", python, connection, package, identity, filtered)
                for filtered in (False, True)
            ]
            others[0].prepare()
            for other in others:
                stack.enter_context(other.serving(wrapped=False))
            found["glance"] = _compared(rounds, others[0], others[1], "/v2/images", token)
            return dict(found)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _compared(rounds: int, without: Served, having: Served, path: str, token: str) -> dict[str, object]:
    ratios: dict[str, list[float]] = {"processor_time": [], "throughput": [], "p99": []}
    absolute = []
    for number in range(rounds + 1):
        order = (without, having) if number % 2 else (having, without)
        measured = {each: _round(each, path, token) for each in order}
        if number:  # The first round warms both.
            plain, listened = measured[without], measured[having]
            absolute.append(1000 * plain[0])
            for name, one, other in zip(ratios, plain, listened, strict=True):
                ratios[name].append(other / one)
    return {
        "rounds": rounds,
        "requests_a_round": REQUESTS,
        "ms_of_processor_without": _spread(absolute),
        **{f"{name}_ratio": _spread(values, 4) for name, values in ratios.items()},
    }


def _round(service: Served, path: str, token: str) -> tuple[float, float, float]:
    """Processor seconds a request, requests a second, and the 99th percentile in seconds."""
    workers = psutil.Process(service.master).children(recursive=True)
    before, began = _processor(workers), time.perf_counter()
    latencies = []
    for _ in range(REQUESTS):
        at = time.perf_counter()
        assert call(service.port, path, headers={"X-Auth-Token": token}).status == 200
        latencies.append(time.perf_counter() - at)
    took = time.perf_counter() - began
    return (_processor(workers) - before) / REQUESTS, REQUESTS / took, statistics.quantiles(latencies, n=100)[98]


def _processor(processes: list[psutil.Process]) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in processes)


def _spread(values: list[float], digits: int = 2) -> dict[str, float]:
    quarters = statistics.quantiles(values, n=4)
    return {
        "median": round(statistics.median(values), digits),
        "quartiles": [round(quarters[0], digits), round(quarters[2], digits)],  # type: ignore[dict-item]
    }


def main() -> None:
    words = sys.argv[1:]
    rounds = int(words[0]) if words else 20
    found: dict[str, object] = {"in_process": in_process(max(rounds, 20)), "load_1m": os.getloadavg()[0]}
    if "in-process" not in words:
        found |= in_services(rounds)
    print(json.dumps({"health_overhead": found}, indent=2))


if __name__ == "__main__":
    main()
