"""The journal's own tables: runs, their numbered events, and what other processes ask of them.

They live in the file that DBOS keeps its records in, or in the database that several controllers share. They tell
people and programs what is done, and can be read while a run is at work.
"""

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from onward.engine.record import Event
from onward.engine.sqlite_database import SqliteDatabase
from onward.errors import UnknownRun
from onward.model.store import StoreAddress

Request = Literal["pause", "cancel"]


class Database(Protocol):
    """Where the tables are. Statements are those that SQLite and PostgreSQL both know, with ``?`` for values."""

    append: str
    """The statement that appends an event with the next number and returns the number."""

    def execute(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Carry out one statement and return its rows."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """While inside, nobody else writes and what is read is of one moment. Undone by an exception."""
        ...

    def reading(self) -> AbstractContextManager[None]:
        """While inside, what is read is of one moment."""
        ...

    def close(self) -> None:
        """It cannot be used any more."""
        ...


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
    queued: bool = False
    """Whether a controller shall carry it out as soon as one is free: only in a store that controllers share."""
    led: bool | None = None
    """Whether a controller leads it whose lease holds; None where that is told by the process."""


class Journal:
    """Access to the tables, from any thread. Outside of :meth:`transaction` each call is a transaction of its own."""

    def __init__(self, place: Path | StoreAddress) -> None:
        """Open the journal, and make it where there is none. Raises StoreUnreachable, StoreOfAnotherFormat."""
        self.database = _database(place)
        self.shared = isinstance(place, StoreAddress)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close it; the journal cannot be used any more."""
        self.database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """While inside, nobody else writes and what is read is of one moment. Undone by an exception."""
        with self.database.writing():
            yield

    def add_run(self, run_id: str, plan: str) -> None:
        """Record a new run with its plan's JSON. Raises ValueError if the name is taken."""
        added = self._execute(
            "INSERT INTO onward_runs (run_id, created, plan) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING run_id",
            (run_id, time.time(), plan),
        )
        if not added:
            raise ValueError(f"there is a run called {run_id} already")

    def remove_unbegun_run(self, run_id: str) -> None:
        """Remove a run of which nothing was ever told."""
        self._execute(
            "DELETE FROM onward_runs WHERE run_id = ? AND pid IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM onward_events WHERE run_id = onward_runs.run_id)",
            (run_id,),
        )

    def run(self, run_id: str) -> RunRow:
        """One run. Raises UnknownRun."""
        rows = self._execute(_SHARED_ROW if self.shared else _ROW, (run_id,))
        if not rows:
            raise unknown(run_id)
        return RunRow(*rows[0])

    def run_with_events(self, run_id: str) -> tuple[RunRow, list[Event]]:
        """One run and its events as they were at one moment. Raises UnknownRun."""
        with self.database.reading():
            return self.run(run_id), self.events(run_id)

    def run_ids(self) -> list[str]:
        """All runs, the oldest first."""
        return [row[0] for row in self._execute("SELECT run_id FROM onward_runs ORDER BY created, run_id")]

    def set_controller(self, run_id: str, pid: int | None, process: str | None) -> None:
        """Remember which process is at work on the run, and forget what was asked of the one before."""
        self._execute(
            "UPDATE onward_runs SET pid = ?, process = ?, request = NULL WHERE run_id = ?", (pid, process, run_id)
        )

    def enqueue(self, run_id: str, cloud: str, onward_version: str, site: str) -> None:
        """Have a controller of this version, with this state directory, carry the run out. Needs a store."""
        self._execute(
            "UPDATE onward_runs SET queued = true, request = NULL, cloud = ?, onward_version = ?, site = ?,"
            " since = (SELECT last FROM onward_store) WHERE run_id = ?",
            (cloud, onward_version, site, run_id),
        )

    def dequeue(self, run_id: str) -> None:
        """No controller shall carry it out any more. Needs a store."""
        self._execute("UPDATE onward_runs SET queued = false, leader = NULL WHERE run_id = ?", (run_id,))

    def ask(self, run_id: str, request: Request) -> None:
        """Leave a request for the process that is at work on the run. A cancel is not weakened to a pause."""
        self._execute(
            "UPDATE onward_runs SET request = ? WHERE run_id = ? AND (request IS NULL OR request <> 'cancel')",
            (request, run_id),
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
            self.database.append,
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
        return self.database.execute(statement, values)


_ROW = "SELECT run_id, created, plan, request, pid, process FROM onward_runs WHERE run_id = ?"
# Only for people: whether a lease holds is decided by those who watch it, with their own clocks.
_SHARED_ROW = """
SELECT run_id, created, plan, request, controller.pid, runs.process, queued,
       controller.token IS NOT NULL AND clock_timestamp() < beat_at + make_interval(secs => lease)
FROM onward_runs AS runs LEFT JOIN onward_controllers AS controller ON token = leader AND NOT lost
WHERE run_id = ?
"""


def _database(place: Path | StoreAddress) -> Database:
    if isinstance(place, StoreAddress):
        # Most journals are files; the driver is loaded only where it is used.
        from onward.engine.postgres_database import PostgresDatabase  # noqa: PLC0415

        return PostgresDatabase(place)
    return SqliteDatabase(place)


def unknown(run_id: str) -> UnknownRun:
    """The error that says there is no such run."""
    return UnknownRun(f"There is no run called {run_id!r}.", next_command="onward runs list")
