"""The journal's own tables: runs, their numbered events, and what other processes ask of them.

They live in the file that DBOS keeps its records in. What is done is asked of DBOS by the engine; these tables tell
people and programs about it, and can be read while a run is at work.
"""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from uuid import uuid4

from onward.engine.record import Event
from onward.errors import UnknownRun

Request = Literal["pause", "cancel"]

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


@dataclass(frozen=True)
class RunRow:
    """What is recorded of a run beside its events."""

    run_id: str
    created: float
    plan: str
    request: Request | None
    pid: int | None
    process: str | None
    """Identity of the process that is at work on it; see :func:`onward.engine.runs.process_identity`."""


class Journal:
    """Access to the tables, from any thread. Outside of :meth:`transaction` each call is a transaction of its own."""

    def __init__(self, path: Path) -> None:
        """Open the journal, and make it where there is none."""
        if not path.exists():
            _make(path)
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous=FULL")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the journal cannot be used any more."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """While inside, nobody else writes and what is read is of one moment. Undone by an exception."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def add_run(self, run_id: str, plan: str) -> None:
        """Record a new run with its plan's JSON. Raises ValueError if the name is taken."""
        try:
            self._execute(
                "INSERT INTO onward_runs (run_id, created, plan) VALUES (?, ?, ?)", (run_id, time.time(), plan)
            )
        except sqlite3.IntegrityError:
            raise ValueError(f"there is a run called {run_id} already") from None

    def remove_unbegun_run(self, run_id: str) -> None:
        """Remove a run of which nothing was ever told."""
        self._execute(
            "DELETE FROM onward_runs WHERE run_id = ? AND pid IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM onward_events WHERE run_id = onward_runs.run_id)",
            (run_id,),
        )

    def run(self, run_id: str) -> RunRow:
        """One run. Raises UnknownRun."""
        rows = self._execute(
            "SELECT run_id, created, plan, request, pid, process FROM onward_runs WHERE run_id = ?", (run_id,)
        )
        if not rows:
            raise unknown(run_id)
        return RunRow(*rows[0])

    def run_with_events(self, run_id: str) -> tuple[RunRow, list[Event]]:
        """One run and its events as they were at one moment. Raises UnknownRun."""
        with self._lock:
            inside = self._connection.in_transaction
            if not inside:
                self._connection.execute("BEGIN")
            try:
                return self.run(run_id), self.events(run_id)
            finally:
                if not inside:
                    self._connection.execute("COMMIT")

    def run_ids(self) -> list[str]:
        """All runs, the oldest first."""
        return [row[0] for row in self._execute("SELECT run_id FROM onward_runs ORDER BY created, run_id")]

    def set_controller(self, run_id: str, pid: int | None, process: str | None) -> None:
        """Remember which process is at work on the run, and forget what was asked of the one before."""
        self._execute(
            "UPDATE onward_runs SET pid = ?, process = ?, request = NULL WHERE run_id = ?", (pid, process, run_id)
        )

    def ask(self, run_id: str, request: Request) -> None:
        """Leave a request for the process that is at work on the run. A cancel is not weakened to a pause."""
        self._execute(
            "UPDATE onward_runs SET request = ? WHERE run_id = ? AND request IS NOT 'cancel'", (request, run_id)
        )

    def asked(self, run_id: str) -> Request | None:
        """What other processes ask of the one that is at work on the run."""
        rows = self._execute("SELECT request FROM onward_runs WHERE run_id = ?", (run_id,))
        found: Request | None = rows[0][0] if rows else None
        return found

    def tell(
        self,
        run_id: str,
        kind: str,
        step_id: str | None = None,
        data: dict[str, Any] | None = None,
        at: float | None = None,
    ) -> Event:
        """Append an event and return it with its number. It happened now, or at ``at``."""
        at = time.time() if at is None else at
        rows = self._execute(
            "INSERT INTO onward_events (run_id, at, kind, step_id, data) VALUES (?, ?, ?, ?, ?) RETURNING number",
            (run_id, at, kind, step_id, json.dumps(data or {}, ensure_ascii=False)),
        )
        return Event(int(rows[0][0]), run_id, at, kind, step_id, data or {})

    def events(self, run_id: str, after: int = 0) -> list[Event]:
        """The events of a run with a number above ``after``, in order."""
        rows = self._execute(
            "SELECT number, run_id, at, kind, step_id, data FROM onward_events WHERE run_id = ? AND number > ?"
            " ORDER BY number",
            (run_id, after),
        )
        return [Event(number, run, at, kind, step, json.loads(data)) for number, run, at, kind, step, data in rows]

    def all_events(self, after: int, most: int) -> list[Event]:
        """The events of all runs with a number above ``after``, in order, and no more than ``most``."""
        rows = self._execute(
            "SELECT number, run_id, at, kind, step_id, data FROM onward_events WHERE number > ?"
            " ORDER BY number LIMIT ?",
            (after, most),
        )
        return [Event(number, run, at, kind, step, json.loads(data)) for number, run, at, kind, step, data in rows]

    def last_number(self) -> int:
        """The number of the latest event of any run; 0 where there is none."""
        return int(self._execute("SELECT COALESCE(MAX(number), 0) FROM onward_events")[0][0])

    def _execute(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()


def unknown(run_id: str) -> UnknownRun:
    """The error that says there is no such run."""
    return UnknownRun(f"There is no run called {run_id!r}.", next_command="onward runs list")


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
