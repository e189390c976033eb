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
import statistics
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "packages" / "onward-service" / "tests"))

from material.served_pair import PATHS, place, variables
from served_releases import Served

PROGRAM = Path(__file__).parent / "material" / "asked_program.py"
TIMES = {"keystone": (20, 220), "glance": (50, 650)}
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
        environment = variables(self.served, token) | self.variables | {"PYTHONHASHSEED": str(seed)}
        ended = subprocess.run(argv, env=environment, check=False, capture_output=True, text=True, timeout=SECONDS)
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


def main(seeds: int) -> None:
    with ExitStack() as stack:
        there = stack.enter_context(place())
        keystone, token = stack.enter_context(there.keystone())
        wrapped = {
            "ONWARD_SERVICE_APPLICATION": keystone.application,
            "ONWARD_SERVICE_OPTIONS": f"service=keystone;state_file={keystone.state}",
        }
        without = Side(keystone, keystone.application, {})
        having = Side(keystone, "onward_service.application:application", wrapped)
        print(json.dumps({"keystone": compared(without, having, token, seeds)}), flush=True)
        without, having = (Side(each, each.application, {}) for each in there.glances(keystone))
        print(json.dumps({"glance": compared(without, having, token, seeds)}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
