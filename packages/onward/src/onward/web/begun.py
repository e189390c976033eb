"""Commands of Onward that the page begins: processes of their own, which go on when the page's server ends."""

import json
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onward.engine.runs import list_runs, process_identity
from onward.hosts.private_file import make_private, write_private
from onward.hosts.state import Directories

MOST_KEPT = 40
ABOUT_RUNS = ("apply", "resume", "restore")
"""Kinds of commands that begin a run or go on with one."""
STORED = ("apply", "resume")
"""Those that know of a store."""
MOST_SAID = 200_000
"""Characters of what a command says that a page shows: the last ones."""
_NAME = re.compile(r"[a-z]+-\d{8}-\d{6}-[0-9a-f]{4}")
# The exit status outlives whoever has begun it: a server that began anew cannot wait for it.
_KEPT = (
    'here=$1; shift; "$@" >"$here/out" 2>"$here/err" </dev/null; echo $? >"$here/new"; mv "$here/new" "$here/status"'
)


@dataclass(frozen=True)
class Begun:
    """A command that was begun, and how it stands."""

    name: str
    kind: str
    """apply, resume, restore, check, plan or policy."""
    words: tuple[str, ...]
    """As they would be typed, without ``onward``."""
    by: str
    at: float
    at_work: bool
    status: int | None
    """Its exit status; None while it is at work, and where it was killed."""
    directory: Path
    about: dict[str, str]

    @property
    def out(self) -> str:
        """What it wrote to standard output."""
        return _text(self.directory / "out")

    @property
    def err(self) -> str:
        """What it said on the way."""
        return _text(self.directory / "err")


class Commands:
    """All commands that pages of this state directory have begun; the oldest are forgotten."""

    def __init__(self, directories: Directories) -> None:
        self._directories = directories
        self._directory = directories.state / "web" / "commands"
        self._children: list[subprocess.Popen[bytes]] = []

    def begin(self, kind: str, words: Sequence[str], by: str, about: dict[str, str] | None = None) -> str:
        """Begin ``onward WORDS``; the name under which it is found. No secret may be among the words."""
        self._forget()
        name = f"{kind}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
        here = self._directory / name
        make_private(here)
        told = [word.format(here=here) if word.startswith("{here}") else word for word in words]
        found = self._directories
        argv = [sys.executable, "-m", "onward.commands.main", "--state-dir", str(found.state)]
        argv += ["--cache-dir", str(found.cache), *told]
        if found.store is not None and kind in STORED:
            argv += ["--store", str(found.store)]
        at = time.time()
        child = subprocess.Popen(["sh", "-c", f"umask 077;{_KEPT}", "sh", str(here), *argv], start_new_session=True)
        self._children = [each for each in self._children if each.poll() is None] + [child]
        record = {"kind": kind, "words": told, "by": by, "at": at, "about": about or {}}
        record |= {"pid": child.pid, "process": process_identity(child.pid)}
        write_private(here / "command.json", json.dumps(record))
        return name

    def find(self, name: str) -> Begun | None:
        """The command of this name; None where there is none."""
        if not _NAME.fullmatch(name):
            return None
        for child in self._children:
            child.poll()
        return _begun(self._directory / name)

    def latest(self, kind: str, most: int = 10) -> list[Begun]:
        """The latest commands of a kind, the newest first."""
        names = [name for name in self._names() if name.startswith(f"{kind}-")]
        found = (self.find(name) for name in sorted(names, reverse=True)[:most])
        return [each for each in found if each is not None]

    def run_of(self, command: Begun) -> str | None:
        """The run that a command has begun or goes on with; None where there is none yet."""
        if "run" in command.about:
            return command.about["run"]
        runs = [
            each
            for each in list_runs(self._directories)
            if each.plan.digest == command.about.get("digest") and each.created >= command.at
        ]
        return runs[0].run_id if runs else None

    def _names(self) -> list[str]:
        return [path.name for path in self._directory.iterdir()] if self._directory.is_dir() else []

    def _forget(self) -> None:
        by_age = sorted((name.split("-", 1)[-1], name) for name in self._names())
        for _, name in by_age[: -MOST_KEPT + 1]:
            found = self.find(name)
            if found is not None and not found.at_work:
                shutil.rmtree(found.directory, ignore_errors=True)


def _begun(here: Path) -> Begun | None:
    record: dict[str, Any] = {}
    try:
        record = json.loads((here / "command.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    at_work = record["process"] is not None and process_identity(record["pid"]) == record["process"]
    status = None
    with suppress(OSError, ValueError):
        status = int((here / "status").read_text())
    return Begun(
        name=here.name,
        kind=record["kind"],
        words=tuple(record["words"]),
        by=record["by"],
        at=record["at"],
        at_work=status is None and at_work,
        status=status,
        directory=here,
        about=record["about"],
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")[-MOST_SAID:]
    except OSError:
        return ""
