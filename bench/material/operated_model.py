"""A model that a bench deploys, types commands at, and takes away in the end."""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from onward.hosts.model_store import ModelStore


class OperatedModel:
    """The model of a name, with a state directory of its own below ``directory``."""

    def __init__(self, name: str, directory: Path) -> None:
        self.name = name
        self.directory = directory
        self.state = directory / "state"
        self.store = ModelStore(self.state / "models" / name)

    def onward(self, *words: str | Path, refused: bool = False) -> str:
        """Type a command; what it prints. Ends the bench where it fails or, if that was expected, does not."""
        done = self._typed(*words, refused=refused)
        return done.stdout + done.stderr

    def told(self, *words: str | Path) -> Any:
        """What a command says as data. Ends the bench where it fails."""
        return json.loads(self._typed(*words, "-f", "json").stdout)

    def _typed(self, *words: str | Path, refused: bool = False) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "onward.commands.main", "--state-dir", str(self.state), *map(str, words)]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        if (done.returncode != 0) is not refused:
            raise SystemExit(f"{words}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done

    def destroy(self) -> None:
        """Take it away, if it is there."""
        if self.store.exists:
            self.onward("destroy", self.name, "--approve", digest_in(self.onward("destroy", self.name, "--dry-run")))


Model = TypeVar("Model", bound=OperatedModel)


def digest_in(text: str) -> str:
    """The last digest that is named."""
    return str(re.findall(r"sha256:[0-9a-f]{64}", text)[-1])


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add where the model is, and whether it stays."""
    parser.add_argument("--directory", type=Path, default=None, help="for the model (default: a new one)")
    parser.add_argument("--keep", action="store_true", help="leave the model as it is at the end")


@contextmanager
def operated(at: Callable[[Path], Model], wish: argparse.Namespace) -> Iterator[Model]:
    """The model at a directory, as :func:`add_model_options` asked for it, until the context is left."""
    directory = wish.directory or Path(tempfile.mkdtemp(prefix="onward-bench-"))
    directory.mkdir(parents=True, exist_ok=True)
    model = at(directory)
    try:
        yield model
    finally:
        if not wish.keep:
            model.destroy()
