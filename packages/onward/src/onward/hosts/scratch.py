"""The database that a rehearsal writes to: a copy that may be thrown away, and set back to an earlier moment."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL


class ScratchDatabase(Protocol):
    """A disposable database with checkpoints, whatever server it is in."""

    @property
    def backend(self) -> str:
        """``sqlite`` or ``mysql``."""
        ...

    @property
    def url(self) -> URL:
        """Where a service, or the census, connects to."""
        ...

    def checkpoint(self, name: str) -> None:
        """Keep the database as it is now under this name, whole or not at all; an older one is replaced."""
        ...

    def has_checkpoint(self, name: str) -> bool:
        """True when :meth:`checkpoint` has finished for this name."""
        ...

    def restore(self, name: str) -> None:
        """Set the database back. Nobody may be connected. Killed half-way, it may simply be called again."""
        ...

    def drop_checkpoint(self, name: str) -> None:
        """Forget a checkpoint; one that does not exist is no error."""
        ...


class SqliteScratch:
    """An SQLite file in a directory of its own."""

    backend = "sqlite"

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self.path = directory / f"{name}.sqlite"

    @property
    def url(self) -> URL:
        """The file's URL."""
        return URL.create("sqlite", database=str(self.path))

    def checkpoint(self, name: str) -> None:
        """Copy the file with SQLite's own backup, which sees a consistent state, and rename it into place."""
        target = self._checkpoint(name)
        target.parent.mkdir(exist_ok=True, mode=0o700)
        copy_sqlite(self.path, target)

    def has_checkpoint(self, name: str) -> bool:
        """True when the copy is complete."""
        return self._checkpoint(name).is_file()

    def restore(self, name: str) -> None:
        """Copy the checkpoint back, with the leftovers of an interrupted transaction out of the way."""
        for suffix in ("-journal", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        copy_sqlite(self._checkpoint(name), self.path)

    def drop_checkpoint(self, name: str) -> None:
        """Remove the copy."""
        self._checkpoint(name).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the database and all its checkpoints."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _checkpoint(self, name: str) -> Path:
        return self._directory / "checkpoints" / f"{name.replace('/', '-')}.sqlite"


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of an SQLite database, which is only read; the target appears whole or not at all."""
    temporary = target.with_name(target.name + ".new")
    temporary.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(temporary)) as new,
    ):
        old.backup(new)
    temporary.replace(target)
