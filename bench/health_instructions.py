"""How many instructions a request of real Keystone and Glance takes more with the middleware than without.

    uv run python bench/health_instructions.py [SEEDS]

By the clock two processes of the same code differ by some percent, as their memory lies (`bench/health_overhead.py`):
one more function around a service, which does nothing, may cost more than all that Onward does. Instructions are
counted one by one by cachegrind (Debian's package valgrind), whatever else the machine does. Each process is asked a
few times and many times; the difference, for one request, is without its beginning. Both sides have the same seed for
the order of sets, which is another one each time.
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "packages" / "onward-service" / "tests"))

from conftest import MEMCACHE, Environments
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.state import Directories, default_directories
from onward.survey.wsgi import PYUWSGI
from served_releases import Database, Served, ServedGlance, ServedKeystone, installed

SERIES = "2026.1"
PROGRAM = Path(__file__).parent / "material" / "asked_program.py"
TIMES = {"keystone": (20, 220), "glance": (50, 650)}
PATHS = {"keystone": "/v3/projects", "glance": "/v2/images"}
COUNTED = re.compile(r"I\s+refs:\s+([\d,]+)")
SECONDS = 900


@dataclass(frozen=True, eq=False)
class Side:
    """A service with the middleware, or without."""

    served: Served
    application: str
    variables: Mapping[str, str]

    def instructions(self, times: int, token: str, seed: int) -> int:
        """Of its whole life, being asked so often."""
        argv = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
        argv += [str(self.served.python), str(PROGRAM), self.application, PATHS[self.served.name], str(times)]
        variables = os.environ | self.served.variables() | self.variables
        variables |= {
            "PYTHONPATH": str(self.served.package),
            "PYTHONHASHSEED": str(seed),
            "ASKED_TOKEN": token,
        }
        ended = subprocess.run(argv, env=variables, check=False, capture_output=True, text=True, timeout=SECONDS)
        counted = COUNTED.search(ended.stderr)
        if ended.returncode or counted is None:
            sys.exit(ended.stdout + ended.stderr)
        print(f"{self.application}, {times} times, seed {seed}: {counted[1]}", file=sys.stderr, flush=True)
        return int(counted[1].replace(",", ""))


def compared(without: Side, having: Side, token: str, seeds: int) -> dict[str, object]:
    """Instructions of a request of both, and their ratio, each time and altogether."""
    few, many = TIMES[without.served.name]
    jobs = [(side, times, seed) for seed in range(1, seeds + 1) for times in (many, few) for side in (without, having)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = list(pool.map(lambda job: job[0].instructions(job[1], token, job[2]), jobs))
    found = dict(zip(jobs, counts, strict=True))
    one = {
        side: [(found[side, many, seed] - found[side, few, seed]) / (many - few) for seed in range(1, seeds + 1)]
        for side in (without, having)
    }
    return {
        "requests": many - few,
        "million_instructions_without": [round(each / 1e6, 2) for each in one[without]],
        "million_instructions_with": [round(each / 1e6, 2) for each in one[having]],
        "ratios": [round(b / a, 4) for a, b in zip(one[without], one[having], strict=True)],
        "ratio": round(statistics.mean(one[having]) / statistics.mean(one[without]), 4),
    }


@contextmanager
def keystone(home: Path, database: Database, python: Path, package: Path) -> Iterator[tuple[ServedKeystone, str]]:
    """A Keystone that serves, without the middleware, and its administrator's token."""
    served = ServedKeystone(home / "keystone", python, database.make("keystone"), package)
    served.prepare()
    with served.serving(wrapped=False):
        yield served, served.token()


def main(seeds: int) -> None:
    home = Path(tempfile.mkdtemp(prefix="health-instructions-"))
    environments = Environments(Directories(home / "state", default_directories().cache).prepared())
    package = installed(home / "package")
    try:
        with ExitStack() as stack:
            database = Database(stack.enter_context(PrivateMariadb(home / "mariadb", home / "mariadb.log")))
            python = environments.python("keystone", SERIES, (PYUWSGI, MEMCACHE))
            served, token = stack.enter_context(keystone(home, database, python, package))
            wrapped = {
                "ONWARD_SERVICE_APPLICATION": served.application,
                "ONWARD_SERVICE_OPTIONS": f"service=keystone;state_file={served.state}",
            }
            without, having = (
                Side(served, served.application, {}),
                Side(served, "onward_service.application:application", wrapped),
            )
            print(json.dumps({"keystone": compared(without, having, token, seeds)}), flush=True)
            python = environments.python("glance", SERIES, (PYUWSGI, MEMCACHE))
            connection, identity = database.make("glance"), f"http://127.0.0.1:{served.port}/v3"
            glances = [
                ServedGlance(home / f"glance-{filtered}", python, connection, package, identity, filtered)
                for filtered in (False, True)
            ]
            glances[0].prepare()
            without, having = (Side(each, each.application, {}) for each in glances)
            print(json.dumps({"glance": compared(without, having, token, seeds)}), flush=True)
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
