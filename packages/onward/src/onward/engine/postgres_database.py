"""The journal's tables in a database of PostgreSQL, which several controllers share.

Passwords are never ours: libpq takes them from ``PGPASSWORD``, ``PGPASSFILE`` or ``~/.pgpass``.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from onward.errors import StoreOfAnotherFormat, StoreUnreachable
from onward.model.store import StoreAddress

FORMAT = 1
"""Of the tables. A program that knows another one is refused."""
CONNECT_SECONDS = 5
ABANDONED_MILLISECONDS = 5000
"""The server ends a session that holds the write lock and says nothing for so long, as a stopped process does."""

_TABLES = """
CREATE TABLE onward_store (one integer PRIMARY KEY CHECK (one = 1), format integer NOT NULL, last bigint NOT NULL);
CREATE TABLE onward_runs (
    run_id text PRIMARY KEY, created double precision NOT NULL, plan text NOT NULL, request text, pid integer,
    process text, cloud text, onward_version text, site text, queued boolean NOT NULL DEFAULT false, leader bigint,
    since bigint NOT NULL DEFAULT 0
);
CREATE INDEX onward_runs_queued ON onward_runs (created) WHERE queued;
CREATE TABLE onward_events (
    number bigint PRIMARY KEY, run_id text NOT NULL, at double precision NOT NULL, kind text NOT NULL, step_id text,
    data text NOT NULL
);
CREATE INDEX onward_events_of_run ON onward_events (run_id, number);
CREATE SEQUENCE onward_tokens;
CREATE TABLE onward_controllers (
    token bigint PRIMARY KEY, host text NOT NULL, pid integer NOT NULL, process text NOT NULL,
    onward_version text NOT NULL, site text NOT NULL, began double precision NOT NULL,
    lease double precision NOT NULL, beat bigint NOT NULL, beat_at timestamptz NOT NULL,
    lost boolean NOT NULL DEFAULT false
);
CREATE TABLE onward_attempts (
    run_id text NOT NULL, step_id text NOT NULL, number integer NOT NULL, token bigint NOT NULL, state text NOT NULL,
    result text, changed bigint NOT NULL, PRIMARY KEY (run_id, step_id, number)
);
CREATE INDEX onward_attempts_changed ON onward_attempts (run_id, changed);
CREATE INDEX onward_attempts_open ON onward_attempts (token) WHERE state = 'open';
CREATE UNIQUE INDEX onward_attempts_one_open ON onward_attempts (run_id, step_id) WHERE state = 'open';
CREATE UNIQUE INDEX onward_attempts_one_done ON onward_attempts (run_id, step_id) WHERE state = 'done';
"""

_ANY_NUMBER = 0x6F6E7761
"""Of the advisory lock under which the tables are made."""


class PostgresDatabase:
    """A :class:`onward.engine.journal.Database` in PostgreSQL. Raises StoreUnreachable, StoreOfAnotherFormat."""

    # The number is taken from a row, not from a sequence: it has no gap, and one that is visible has none before it
    # that is still to come.
    append = (
        "WITH next AS (UPDATE onward_store SET last = last + 1 RETURNING last)"
        " INSERT INTO onward_events (number, run_id, at, kind, step_id, data)"
        " SELECT next.last, ?, ?, ?, ?, ? FROM next RETURNING number"
    )

    def __init__(self, address: StoreAddress) -> None:
        self._address = address
        self._lock = threading.RLock()
        self._connection = connected(address)
        try:
            _prepare(self._connection, address)
        except psycopg.Error as error:
            self._connection.close()
            raise _unreachable(address, error) from None
        except BaseException:
            self._connection.close()
            raise

    def close(self) -> None:
        """Leave the server."""
        with self._lock:
            self._connection.close()

    def execute(self, statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Carry out one statement and return its rows."""
        with self._lock:
            try:
                cursor = self._connection.execute(statement.replace("?", "%s").encode(), values)
                return cursor.fetchall() if cursor.description else []
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                raise _unreachable(self._address, error) from None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While inside, nobody else writes and what is read is of one moment. Undone by an exception."""
        with self._lock, self._inside():
            # As in SQLite a journal has one writer at a time; that keeps every decision a simple one.
            self.execute("SELECT last FROM onward_store FOR UPDATE")
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While inside, what is read is of one moment."""
        with self._lock:
            if self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                yield
                return
            with self._inside():
                self.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                yield

    @contextmanager
    def _inside(self) -> Iterator[None]:
        try:
            with self._connection.transaction():
                yield
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise _unreachable(self._address, error) from None


def connected(address: StoreAddress) -> "psycopg.Connection[tuple[Any, ...]]":
    """A connection on which a commit is on the disk when it returns. Raises StoreUnreachable."""
    try:
        return psycopg.connect(
            address.url,
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
            application_name="onward",
            options=f"-c synchronous_commit=on -c idle_in_transaction_session_timeout={ABANDONED_MILLISECONDS}",
            # The next answers of a server that is gone are not waited for.
            keepalives_idle=2,
            keepalives_interval=1,
            keepalives_count=3,
            tcp_user_timeout=5000,
        )
    except psycopg.Error as error:
        raise _unreachable(address, error) from None


def _prepare(connection: "psycopg.Connection[tuple[Any, ...]]", address: StoreAddress) -> None:
    """Make the tables where there are none, once. Raises StoreOfAnotherFormat."""
    if connection.execute("SELECT to_regclass('onward_store') IS NULL").fetchall()[0][0]:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ANY_NUMBER,))
            if connection.execute("SELECT to_regclass('onward_store') IS NULL").fetchall()[0][0]:
                connection.execute(_TABLES.encode())
                connection.execute("INSERT INTO onward_store VALUES (1, %s, 0)", (FORMAT,))
    found = connection.execute("SELECT format FROM onward_store").fetchall()[0][0]
    if found != FORMAT:
        raise StoreOfAnotherFormat(
            f"The tables in {address} are of format {found}; this Onward knows format {FORMAT}.",
            next_command="onward --version",
        )


def _unreachable(address: StoreAddress, error: Exception) -> StoreUnreachable:
    return StoreUnreachable(
        f"The store at {address} does not answer as it should.",
        evidence=str(error).strip(),
        state="What is recorded there stays recorded; whatever was being recorded is not.",
    )
