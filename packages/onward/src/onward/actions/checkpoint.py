"""Checkpoints of a rehearsal's copy, so that a migration that was killed halfway begins again from its start.

Neither SQLite through Python's driver nor MariaDB takes back the schema changes of a process that died: run again,
the same migration stops at a table or a column that is there already. A production database has its backup; a copy
has a checkpoint.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Protocol

from onward.actions.configure_service import database_url
from onward.actions.scratch import scratch_for
from onward.engine.action import StepContext


class Checkpoints(Protocol):
    """States of a scratch database that can be had again, by name."""

    def has_checkpoint(self, name: str) -> bool:
        """Whether there is one, and it is whole."""
        ...

    def checkpoint(self, name: str) -> None:
        """Remember the present state."""
        ...

    def restore(self, name: str) -> None:
        """Make the remembered state the present one; the checkpoint stays."""
        ...

    def forget(self, name: str) -> None:
        """Remove a checkpoint that is not needed any more, or was never made."""
        ...


class SqliteCheckpoints:
    """Checkpoints of an SQLite database: copies of its file, made by SQLite itself."""

    def __init__(self, database: Path, directory: Path) -> None:
        self._database = database
        self._directory = directory

    def has_checkpoint(self, name: str) -> bool:
        """Whether the copy is there; it gets its name only when it is whole."""
        return self._path(name).is_file()

    def checkpoint(self, name: str) -> None:
        """Copy the database; a transaction of a process that died is rolled back first."""
        self._directory.mkdir(exist_ok=True, mode=0o700)
        unfinished = self._path(name).with_suffix(".new")
        unfinished.unlink(missing_ok=True)
        os.close(os.open(unfinished, os.O_CREAT | os.O_EXCL, 0o600))
        _copy(self._database, unfinished)
        unfinished.replace(self._path(name))

    def restore(self, name: str) -> None:
        """Copy it back, in one transaction of the database."""
        _copy(self._path(name), self._database)

    def forget(self, name: str) -> None:
        """Delete the copy."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.sqlite"


def checkpoints_for(context: StepContext) -> Checkpoints | None:
    """The checkpoints of a rehearsal's copy; None in an upgrade in place, which has a backup."""
    if context.plan.kind != "rehearsal":
        return None
    url = database_url(context)
    if url.get_backend_name() == "sqlite":
        return SqliteCheckpoints(Path(str(url.database)), context.workspace / "checkpoints")
    return scratch_for(context)


def _copy(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as origin, closing(sqlite3.connect(target)) as copy:
        origin.backup(copy)
