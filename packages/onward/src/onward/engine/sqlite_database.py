"""The journal's tables in a SQLite file: one machine, no server."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

BUSY_SECONDS = 30.0
"""How long a transaction waits for another process's; each of them takes milliseconds."""

_TABLES = """
CREATE TABLE onward_runs (
    run_id TEXT PRIMARY KEY, created REAL NOT NULL, plan TEXT NOT NULL, request TEXT, pid INTEGER, process TEXT
);
CREATE TABLE onward_events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL,
    step_id TEXT, data TEXT NOT NULL
);
CREATE INDEX onward_events_of_run ON onward_events (run_id, number);
"""


class SqliteDatabase:
    """A :class:`onward.engine.journal.Database` in a file."""

    append = "INSERT INTO onward_events (run_id, at, kind, step_id, data) VALUES (?, ?, ?, ?, ?) RETURNING number"

    def __init__(self, path: Path) -> None:
        """Open the file, and make it where there is none."""
        if not path.exists():
            _make(path)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous=FULL")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def execute(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Carry out one statement and return its rows."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While inside, nobody else writes and what is read is of one moment. Undone by an exception."""
        with self._inside("BEGIN IMMEDIATE"):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While inside, what is read is of one moment."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            with self._inside("BEGIN"):
                yield

    @contextmanager
    def _inside(self, begin: str) -> Iterator[None]:
        with self._lock:
            self._connection.execute(begin)
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def _make(path: Path) -> None:
    """Make an empty journal, only for its owner. It appears under its name complete, or not at all.

    SQLite does not wait for a busy database while it changes to WAL, so that two processes that made one journal
    together could fail; each makes one, and the first to link it wins.
    """
    new = path.with_name(f"{path.name}.{uuid4().hex}")
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        connection = sqlite3.connect(new, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(f"BEGIN; {_TABLES} COMMIT;")
        finally:
            connection.close()
        try:
            os.link(new, path)
        except FileExistsError:
            return
    finally:
        new.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
