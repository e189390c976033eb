"""What listening and answering cost: in one process, and in real Keystone behind uWSGI, with and without, in turns.

    uv run python bench/health_overhead.py [ROUNDS] [in-process]

In one process: microseconds a call of a bare application, of ``GET /health``, of oslo.middleware's, and of the
bare application through the middleware. In Keystone: two servers on one database, one with the middleware and one
without, asked in turns; for each pair of rounds the ratio of the processor time that the worker took for a request
(/proc, which other work on the machine does not change much), of the requests in a second, and of the 99th percentile.
"""

import http.client
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
from served import Database, ServedKeystone, installed

SERIES = "2026.2"
CALLS = 500
REQUESTS = 100


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


def in_keystone(rounds: int) -> dict[str, object]:
    with _two_keystones() as (without, having, token):
        ratios: dict[str, list[float]] = {"processor_time": [], "throughput": [], "p99": []}
        absolute = []
        for number in range(rounds + 1):
            order = (without, having) if number % 2 else (having, without)
            measured = {each: _round(each, token) for each in order}
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


@contextmanager
def _two_keystones() -> Iterator[tuple[ServedKeystone, ServedKeystone, str]]:
    home = Path(tempfile.mkdtemp(prefix="health-overhead-"))
    directories = Directories(home / "state", default_directories().cache).prepared()
    try:
        with ExitStack() as stack:
            server = stack.enter_context(PrivateMariadb(home / "mariadb", home / "mariadb.log"))
            python = Environments(directories).python("keystone", SERIES, (PYUWSGI, MEMCACHE))
            made = [
                ServedKeystone(home / name, python, connection, installed(home / f"package-{name}"))
                for name, connection in _connections(Database(server))
            ]
            made[0].prepare()
            for each in made[1:]:
                shutil.copytree(made[0].home / "keys", each.home / "keys")
            place = "keystone.wsgi.api:application"
            for each, wrapped in zip(made, (False, True), strict=True):
                stack.enter_context(each.serving(place, wrapped=wrapped, state_file=str(each.state)))
            yield made[0], made[1], made[0].token()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _connections(database: Database) -> list[tuple[str, str]]:
    connection = database.make("keystone")
    return [("without", connection), ("with", connection)]


def _round(keystone: ServedKeystone, token: str) -> tuple[float, float, float]:
    """Processor seconds a request, requests a second, and the 99th percentile in seconds."""
    workers = psutil.Process(keystone.master).children(recursive=True)
    before, began = _processor(workers), time.perf_counter()
    latencies = []
    for _ in range(REQUESTS):
        at = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", keystone.port, timeout=60)
        connection.request("GET", "/v3/projects", headers={"X-Auth-Token": token})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status == 200
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
        found["keystone"] = in_keystone(rounds)
    print(json.dumps({"health_overhead": found}, indent=2))


if __name__ == "__main__":
    main()
