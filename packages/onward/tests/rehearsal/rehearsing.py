"""Runs ``onward`` as a process of its own, the way an operator does."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onward.engine.record import RunRecord
from onward.engine.runs import list_runs
from onward.hosts.state import Directories

PATH_FROM_2023 = ["2023.1", "2023.2", "2024.1", "2024.2", "2025.1", "2025.2", "2026.1", "2026.2"]


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str


class Operator:
    """Somebody at a terminal, with a state directory of their own."""

    def __init__(self, directories: Directories, home: Path) -> None:
        self.directories = directories
        self.home = home

    def argv(self, *words: object) -> list[str]:
        common = ["--state-dir", str(self.directories.state), "--cache-dir", str(self.directories.cache)]
        return [sys.executable, "-m", "onward.commands.main", *common, *map(str, words)]

    def call(self, *words: object, **variables: str) -> Ended:
        ended = subprocess.run(
            self.argv(*words),
            capture_output=True,
            text=True,
            cwd=self.home,
            env={**os.environ, **variables},
            timeout=1800,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def run(self) -> RunRecord:
        """The newest run."""
        return list_runs(self.directories)[-1]

    def workspace(self) -> Path:
        return self.directories.workspace(self.run().run_id)

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.workspace() / "report.json").read_text())
        return found
