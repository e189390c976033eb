"""The database that a rehearsal writes to: a copy that may be thrown away, and set back to an earlier moment."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Protocol

import pymysql
import sqlalchemy
from sqlalchemy import URL, inspect, text
from sqlalchemy.exc import DBAPIError

from onward.errors import DatabaseReadOnly, DatabaseUnreachable
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.mariadb_client import load, save_dump


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

    @property
    def where(self) -> str:
        """Where it is left when nobody removes it: a file, a data directory, or a URL without its password."""
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

    def empty(self) -> None:
        """Make it empty, and be there: what was loaded only in part goes."""
        ...

    def remove(self) -> None:
        """Remove the database and its checkpoints; what is gone already is no error."""
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

    @property
    def where(self) -> str:
        """The file."""
        return str(self.path)

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

    def empty(self) -> None:
        """Remove the file; SQLite makes it when it is first written to."""
        for suffix in ("", "-journal", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the database and all its checkpoints."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _checkpoint(self, name: str) -> Path:
        return self._directory / "checkpoints" / f"{name.replace('/', '-')}.sqlite"


class MariadbScratch:
    """A database in a private server. Its checkpoints are copies of the whole, stopped, data directory.

    On a server nobody else uses that is right and quick: measured 0.6 s for a small database, stop and start included.
    """

    backend = "mysql"

    def __init__(self, server: PrivateMariadb, directory: Path, name: str) -> None:
        self._server = server
        self._directory = directory
        self._name = name

    @property
    def url(self) -> URL:
        """The database's URL, by the server's socket."""
        return self._server.url(self._name)

    @property
    def where(self) -> str:
        """The data directory: the server ends with this process."""
        return str(self._server.data)

    def checkpoint(self, name: str) -> None:
        """Copy the data directory."""
        self._server.keep(self._checkpoint(name))

    def has_checkpoint(self, name: str) -> bool:
        """True when the copy is complete."""
        return self._checkpoint(name).is_dir()

    def restore(self, name: str) -> None:
        """Put the copy in the place of the data directory."""
        self._server.put_back(self._checkpoint(name))

    def drop_checkpoint(self, name: str) -> None:
        """Remove the copy."""
        shutil.rmtree(self._checkpoint(name), ignore_errors=True)

    def empty(self) -> None:
        """Drop the database and create it again."""
        self.empty_beside(self._name)

    def beside(self, name: str) -> URL:
        """Another database of the same server, which the same checkpoints keep."""
        return self._server.url(name)

    def empty_beside(self, name: str) -> None:
        """Make another one empty, and be there."""
        with closing(pymysql.connect(unix_socket=str(self._server.socket), user="root")) as connection:
            cursor = connection.cursor()
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
            cursor.execute(f"CREATE DATABASE `{name}`")

    def remove(self) -> None:
        """Stop the server and remove everything."""
        self._server.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _checkpoint(self, name: str) -> Path:
        return self._directory / "checkpoints" / name.replace("/", "-")


class NamedScratch:
    """A database on a server that the user named. Its checkpoints are dumps.

    It must have been empty when the run first came to it, which a file in the run's directory remembers: Onward removes
    nothing that it did not put there.
    """

    backend = "mysql"

    def __init__(self, url: URL, directory: Path) -> None:
        self.url = url
        self._directory = directory

    @property
    def where(self) -> str:
        """The database's URL, without its password."""
        return self.url._replace(password=None).render_as_string()

    def claim(self) -> None:
        """Take the database for this run. Raises DatabaseReadOnly when it holds tables, DatabaseUnreachable."""
        claimed = self._directory / "claimed"
        if claimed.exists():
            return
        tables = self._tables()
        if tables:
            raise DatabaseReadOnly(
                f"The scratch database {self.url.database} on {self.url.host} is not empty.",
                evidence=f"it has {len(tables)} tables, among them {', '.join(tables[:5])}",
                next_command="name an empty database, which will be overwritten",
            )
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        claimed.write_text(f"empty when it was claimed: {self.url.database} on {self.url.host}\n")

    def checkpoint(self, name: str) -> None:
        """Dump it into a file."""
        target = self._checkpoint(name)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        save_dump(self.url, target)

    def has_checkpoint(self, name: str) -> bool:
        """True when the dump is complete."""
        return self._checkpoint(name).is_file()

    def restore(self, name: str) -> None:
        """Remove all tables and load the dump."""
        self.empty()
        with self._checkpoint(name).open("rb") as stream:
            load(stream, self.url)

    def drop_checkpoint(self, name: str) -> None:
        """Remove the dump."""
        self._checkpoint(name).unlink(missing_ok=True)

    def empty(self) -> None:
        """Drop all tables."""
        engine = sqlalchemy.create_engine(self.url)
        try:
            with engine.begin() as connection:
                connection.execute(text("SET FOREIGN_KEY_CHECKS = 0"))
                for table in self._tables():
                    connection.execute(text(f"DROP TABLE `{table}`"))
        finally:
            engine.dispose()

    def remove(self) -> None:
        """Leave the database empty, as it was found."""
        if (self._directory / "claimed").exists():
            self.empty()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _tables(self) -> list[str]:
        engine = sqlalchemy.create_engine(self.url)
        try:
            return sorted(inspect(engine).get_table_names())
        except DBAPIError as error:
            raise DatabaseUnreachable(
                f"The scratch server does not answer: {self.url.host}.", evidence=str(error.orig)
            ) from None
        finally:
            engine.dispose()

    def _checkpoint(self, name: str) -> Path:
        return self._directory / "checkpoints" / f"{name.replace('/', '-')}.sql"


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of an SQLite database, which is only read; the target appears whole or not at all."""
    temporary = target.with_name(target.name + ".new")
    temporary.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(temporary)) as new,
    ):
        old.backup(new)
    temporary.replace(target)
