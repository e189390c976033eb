"""How many pages a request of real Keystone and Glance maps behind more and fewer functions, and with room for frames.

    uv run python bench/health_frames.py [REQUESTS]

In one process of the service, asked in turns; milliseconds of processor are quartiles. See decision 25.
"""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "packages" / "onward-service" / "tests"))

from material.served_pair import PATHS, place, variables
from served_releases import Served

PROGRAM = Path(__file__).parent / "material" / "framed_program.py"


def framed(served: Served, token: str, requests: int) -> object:
    """What the program tells of this service."""
    argv = [str(served.python), str(PROGRAM), served.application, PATHS[served.name], str(requests)]
    environment = variables(served, token)
    ended = subprocess.run(argv, env=environment, check=True, stdout=subprocess.PIPE, text=True, timeout=900)
    return json.loads(ended.stdout.splitlines()[-1])


def main(requests: int) -> None:
    with ExitStack() as stack:
        there = stack.enter_context(place())
        keystone, token = stack.enter_context(there.keystone())
        print(json.dumps({"keystone": framed(keystone, token, requests)}, indent=2), flush=True)
        glance, _ = there.glances(keystone)
        print(json.dumps({"glance": framed(glance, token, requests)}, indent=2), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
