"""The journal's own tables: runs, their numbered events, and what other processes ask of them.

They live in the file that DBOS keeps its records in. What is done is asked of DBOS by the engine; these tables tell
people and programs about it, and can be read while a run is at work.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from onward.engine.record import Event
from onward.errors import UnknownRun

Request = Literal["pause", "cancel"]

_TABLES = """
CREATE TABLE IF NOT EXISTS onward_runs (
    run_id TEXT PRIMARY KEY, created REAL NOT NULL, plan TEXT NOT NULL, request TEXT, pid INTEGER, pid_started TEXT
);
CREATE TABLE IF NOT EXISTS onward_events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL,
    step_id TEXT, data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS onward_events_of_run ON onward_events (run_id, number);
"""


@dataclass(frozen=True)
class RunRow:
    """What is recorded of a run beside its events."""

    run_id: str
    created: float
    plan: str
    request: Request | None
    pid: int | None
    pid_started: str | None


class Journal:
    """Access to the tables. Each call is one transaction, safe from any thread and process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._open() as connection:
            # Two processes that begin at once would race for the change of journal mode; the busy timeout settles it.
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(_TABLES)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous=FULL")
            yield connection
        finally:
            connection.close()

    def add_run(self, run_id: str, plan: str) -> None:
        """Record a new run with its plan's JSON. Raises ValueError if the name is taken."""
        with self._open() as connection:
            try:
                connection.execute(
                    "INSERT INTO onward_runs (run_id, created, plan) VALUES (?, ?, ?)", (run_id, time.time(), plan)
                )
            except sqlite3.IntegrityError:
                raise ValueError(f"there is a run called {run_id} already") from None

    def run(self, run_id: str) -> RunRow:
        """One run. Raises UnknownRun."""
        with self._open() as connection:
            row = connection.execute(
                "SELECT run_id, created, plan, request, pid, pid_started FROM onward_runs WHERE run_id = ?", (run_id,)
            ).fetchone()
        if row is None:
            raise UnknownRun(f"There is no run called {run_id!r}.", next_command="onward runs list")
        return RunRow(*row)

    def run_ids(self) -> list[str]:
        """All runs, the oldest first."""
        with self._open() as connection:
            return [row[0] for row in connection.execute("SELECT run_id FROM onward_runs ORDER BY created, run_id")]

    def set_controller(self, run_id: str, pid: int | None, started: str | None) -> None:
        """Remember which process is at work on the run, and forget what was asked of the one before."""
        with self._open() as connection:
            connection.execute(
                "UPDATE onward_runs SET pid = ?, pid_started = ?, request = NULL WHERE run_id = ?",
                (pid, started, run_id),
            )

    def ask(self, run_id: str, request: Request) -> None:
        """Leave a request for the process that is at work on the run."""
        with self._open() as connection:
            connection.execute("UPDATE onward_runs SET request = ? WHERE run_id = ?", (request, run_id))

    def tell(self, run_id: str, kind: str, step_id: str | None = None, data: dict[str, Any] | None = None) -> Event:
        """Append an event and return it with its number."""
        at = time.time()
        text = json.dumps(data or {}, ensure_ascii=False)
        with self._open() as connection:
            number = connection.execute(
                "INSERT INTO onward_events (run_id, at, kind, step_id, data) VALUES (?, ?, ?, ?, ?)",
                (run_id, at, kind, step_id, text),
            ).lastrowid
        return Event(int(number or 0), run_id, at, kind, step_id, data or {})

    def events(self, run_id: str, after: int = 0) -> list[Event]:
        """The events of a run with a number above ``after``, in order."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT number, run_id, at, kind, step_id, data FROM onward_events WHERE run_id = ? AND number > ?"
                " ORDER BY number",
                (run_id, after),
            ).fetchall()
        return [Event(number, run, at, kind, step, json.loads(data)) for number, run, at, kind, step, data in rows]
