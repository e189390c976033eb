"""Time and peak memory of the demonstration: a whole rehearsal of a filled cloud, as ``make demo`` runs it.

    uv run python bench/demo_rehearsal.py [--rounds 3] [--scratch sqlite]

The environments are built before. Prints one JSON document; memory is the peak of resident memory in MiB.
"""

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

from material.rehearsed import rehearse
from onward.hosts.state import Directories, default_directories


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scratch", choices=("sqlite", "mariadb"), default="sqlite")
    parser.add_argument("--from", dest="source", default="2023.1")
    words = parser.parse_args()
    rounds = []
    with tempfile.TemporaryDirectory(prefix="onward-bench-") as name:
        for number in range(words.rounds):
            directories = Directories(Path(name) / str(number), default_directories().cache).prepared()
            choice = ("--demo", "--from", words.source, "--scratch", words.scratch)
            rounds.append(rehearse(directories, *choice).as_data())
    medians = {
        figure: statistics.median(each[figure] for each in rounds)
        for figure in ("seconds", "processor_seconds", "onward_mb")
    }
    result = {"bench": "demo_rehearsal", "cores": os.cpu_count(), "medians": medians, "rounds": rounds}
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
