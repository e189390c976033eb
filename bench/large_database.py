"""Memory and time of a whole rehearsal against the size of the database: 10,000, 100,000 and 1,000,000 rows.

    uv run python bench/large_database.py [--rows 10000 ...] [--backends sqlite mariadb] [--from 2023.1] [--to 2026.2]

A real Keystone of the source series makes the schema and the first rows; the others are generated, spread over its
tables as a cloud in use has them. ``onward rehearse`` then runs as a process of its own: on a copy of an SQLite
file, and on a dump of a MariaDB. Prints one JSON document. Memory is the peak of resident memory in MiB: of Onward
itself, of the largest of its runners (with the commands and APIs that these fork), and of the private MariaDB, whose
buffer pool is its own business. ``ratio`` is against the smallest database.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from material.large_keystone import large_databases
from material.rehearsed import rehearse
from onward.hosts.state import Directories, default_directories


def measured(directory: Path, backend: str, source: str, target: str, sizes: list[int]) -> list[dict[str, Any]]:
    """One line for each size, the smallest first."""
    lines: list[dict[str, Any]] = []
    cache = default_directories().cache
    for database in large_databases(directory, cache, backend, source, target, sizes):
        state = Directories(directory / f"state-{database.rows}", cache).prepared()
        rehearsed = rehearse(state, *database.words, "--from", source, "--to", target)
        counted = rehearsed.record.step(f"census/{source}").evidence or {}
        assert counted["rows"] >= database.rows, counted
        line = {
            "rows": database.rows,
            "file_mb": round(database.file.stat().st_size / 1e6, 1),
            "generated_in_seconds": round(database.seconds, 1),
            **rehearsed.as_data(),
        }
        line["ratio"] = {
            name: round(line[name] / (lines or [line])[0][name], 2) for name in ("rows", "onward_mb", "seconds")
        }
        print(f"{backend}: {json.dumps(line)}", file=sys.stderr, flush=True)
        lines.append(line)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--backends", nargs="+", choices=("sqlite", "mariadb"), default=["sqlite", "mariadb"])
    parser.add_argument("--from", dest="source", default="2023.1")
    parser.add_argument("--to", dest="target", default="2026.2")
    words = parser.parse_args()
    results: dict[str, Any] = {
        "bench": "large_database",
        "from": words.source,
        "to": words.target,
        "cores": os.cpu_count(),
    }
    with tempfile.TemporaryDirectory(prefix="onward-bench-") as name:
        for backend in words.backends:
            directory = Path(name) / backend
            directory.mkdir()
            results[backend] = measured(directory, backend, words.source, words.target, sorted(words.rows))
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
