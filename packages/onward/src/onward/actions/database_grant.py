"""Give an application databases of its own, and a user who may use these and nothing else."""

from typing import Any

import pymysql

from onward.actions.deployment import store_of
from onward.engine.action import Evidence, StepContext
from onward.errors import StepFailed
from onward.hosts.state import Directories
from onward.hosts.user import own_name
from onward.plan.deployment.grant import GrantWish

_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES, "
    "EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER"
)
"""What migrations and services use, on the application's own databases. Not GRANT, and nothing global."""


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
        try:
            with pymysql.connect(unix_socket=wish.socket, user=own_name(), autocommit=True) as connection:
                _grant(connection, databases, user, password)
        except pymysql.Error as error:
            raise StepFailed(
                f"{context.step.target}: the server refuses.",
                evidence=str(error),
                next_command=f"onward runs resume {context.run_id}",
            ) from None
        return {"databases": databases, "user": user}


def _grant(connection: "pymysql.Connection[Any]", databases: list[str], user: str, password: str) -> None:
    with connection.cursor() as cursor:
        # Host names are not looked up, and every client is on this machine.
        account = (user, "127.%")
        cursor.execute("CREATE USER IF NOT EXISTS %s@%s IDENTIFIED BY %s", (*account, password))
        cursor.execute("ALTER USER %s@%s IDENTIFIED BY %s", (*account, password))
        for database in databases:
            name = database.replace("`", "")
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb3")
            cursor.execute(f"GRANT {_RIGHTS} ON `{name.replace('_', chr(92) + '_')}`.* TO %s@%s", account)
