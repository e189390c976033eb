"""Somebody who deploys, and waits for what was deployed."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.hosts.supervisor import Supervisor

SECONDS = 240.0
"""For whatever a deployed unit has to do; the machine may be busy."""


@dataclass(frozen=True)
class Operator:
    """Somebody who types ``onward``, with a state directory of their own."""

    directories: Directories
    bundle: Path

    def run(self, *words: str | Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "onward.commands.main", *self.where(), *map(str, words)]
        return subprocess.run(
            argv, check=False, capture_output=True, text=True, timeout=900, env={**os.environ, **(environment or {})}
        )

    def must(self, *words: str | Path) -> str:
        done = self.run(*words)
        assert done.returncode == 0, f"{words}: {done.stdout[-2500:]}\n{done.stderr[-2500:]}"
        return done.stdout

    def deploy(self, text: str | None = None) -> str:
        if text is not None:
            self.bundle.write_text(text)
        return self.must("deploy", self.bundle)

    def destroy(self, model: str) -> None:
        self.must("destroy", model, "--approve", self.digest_of_removal(model))

    def digest_of_removal(self, model: str) -> str:
        return str(re.findall(r"sha256:[0-9a-f]{64}", self.must("destroy", model, "--dry-run"))[-1])

    def store(self, model: str) -> ModelStore:
        return ModelStore(self.directories.models / model)

    def supervisor(self, model: str) -> Supervisor:
        store = self.store(model)
        return Supervisor(store.directory, Path(store.record()["sockets"]))

    def pids(self, model: str) -> dict[str, int]:
        """The first process of every unit."""
        return {each.unit: each.pid for each in self.supervisor(model).states() if each.pid}

    def where(self) -> list[str]:
        """The options that say where it all is."""
        return ["--state-dir", str(self.directories.state), "--cache-dir", str(self.directories.cache)]


def until(what: str, true: Callable[[], object], seconds: float = SECONDS) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)
