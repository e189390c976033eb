"""Give an application databases of its own, and a user who may use these and nothing else; take both away."""

from collections.abc import Iterator
from contextlib import contextmanager

import pymysql
import pymysql.cursors

from onward.actions.deployment.noted import Withdrawal, elsewhere, store_of
from onward.engine.action import Evidence, StepContext
from onward.errors import StepFailed
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.hosts.user import own_name
from onward.plan.deployment.grant import GrantWish

_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, "
    "EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER"
)
"""What migrations and services use, on the application's own databases. Not GRANT, and nothing global."""


LOOPBACK, ANYWHERE = "127.", "%"


def clients_of(wish: GrantWish) -> str:
    """From where a user may log in. Host names are not looked up; who serves at a loopback address has no others."""
    return f"{LOOPBACK}%" if wish.address.startswith(LOOPBACK) else ANYWHERE


class GrantDatabase:
    """``database.grant``: databases and a user of them, as the root user who is known by the socket.

    Arguments: ``wants`` with ``databases`` and ``user``, ``secret`` (the password's name), ``socket``. Evidence: the
    ``databases`` and the ``user``. What exists is left as it is, but for the password, which becomes what it shall be.
    """

    name = "database.grant"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Make what is missing. Raises StepFailed when the server refuses."""
        wish = GrantWish.model_validate(context.step.arguments)
        databases, user = wish.wants["databases"].split(), wish.wants["user"]
        password = store_of(self._directories, context).secrets()[wish.secret]
        with _server(context, wish) as cursor:
            _grant(cursor, databases, (user, clients_of(wish)), password)
        return {"databases": databases, "user": user, **elsewhere(context, wish)}


class WithdrawDatabase(Withdrawal):
    """``database.withdraw``: the databases with all that is in them, and their user."""

    name = "database.withdraw"

    def withdraw(self, context: StepContext, wish: GrantWish, provider: ModelStore) -> list[str]:
        """Drop what is there."""
        databases, user = wish.wants["databases"].split(), wish.wants["user"]
        with _server(context, wish) as cursor:
            for database in databases:
                cursor.execute(f"DROP DATABASE IF EXISTS {_quoted(database)}")
            cursor.execute("DROP USER IF EXISTS %s@%s", (user, clients_of(wish)))
        return [*(f"database {database}" for database in databases), f"user {user}"]


@contextmanager
def _server(context: StepContext, wish: GrantWish) -> "Iterator[pymysql.cursors.Cursor]":
    """The server, as its root user. Raises StepFailed for whatever it refuses."""
    try:
        with (
            pymysql.connect(unix_socket=wish.socket, user=own_name(), autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            yield cursor
    except pymysql.Error as error:
        raise StepFailed(
            f"{context.step.target}: the server refuses.",
            evidence=str(error),
            next_command=f"onward runs resume {context.run_id}",
        ) from None


def _grant(cursor: "pymysql.cursors.Cursor", databases: list[str], account: tuple[str, str], password: str) -> None:
    cursor.execute("CREATE USER IF NOT EXISTS %s@%s IDENTIFIED BY %s", (*account, password))
    cursor.execute("ALTER USER %s@%s IDENTIFIED BY %s", (*account, password))
    for database in databases:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {_quoted(database)} CHARACTER SET utf8mb3")
        cursor.execute(f"GRANT {_RIGHTS} ON {_quoted(database).replace('_', chr(92) + '_')}.* TO %s@%s", account)


def _quoted(database: str) -> str:
    return f"`{database.replace('`', '')}`"
