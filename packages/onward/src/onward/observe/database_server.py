"""One connection to a database server, which is only read, and what one can ask it."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pymysql
from pymysql.constants import CR, ER
from sqlalchemy import URL
from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

from onward.checks.database_seen import NoAnswer
from onward.observe.database import UNDERSTOOD

ANSWER_SECONDS = 10
"""For the connection and for each answer: a server that is stopped, or whose disk hangs, accepts connections."""
_CON_COUNT, _HOST_BLOCKED, _HOST_REFUSED, _NO_LOGIN = 1040, 1129, 1130, 1698
_LOGIN_REFUSED = (ER.ACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, _HOST_BLOCKED, _HOST_REFUSED, _NO_LOGIN)
_NO_PRIVILEGE = (ER.SPECIFIC_ACCESS_DENIED_ERROR, ER.TABLEACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR)
_NO_SUCH_THING = (ER.UNKNOWN_TABLE, ER.NO_SUCH_TABLE, ER.PARSE_ERROR, ER.BAD_FIELD_ERROR)

Row = Mapping[str, Any]


class NotShown(Exception):
    """The server would not show something, with its words."""

    def __init__(self, words: str, *, for_lack_of_privilege: bool = False, unknown: bool = False) -> None:
        super().__init__(words)
        self.for_lack_of_privilege = for_lack_of_privilege
        self.unknown = unknown
        """Whether this server has no such thing."""


class NotConnected(Exception):
    """There is no connection to the server."""

    def __init__(self, kind: NoAnswer, words: str) -> None:
        super().__init__(words)
        self.kind = kind


class ServerConnection:
    """A connection to a server as such: no database is chosen, and no transaction begun.

    A node that has lost its Galera cluster refuses both (error 1047), and still says how it is. Every transaction
    would be read-only by the server's own means; what is asked is in this package, and none of it writes.
    """

    def __init__(self, url: URL) -> None:
        """Raises NotConnected."""
        dialect = MySQLDialect_pymysql(dbapi=pymysql)
        known = {key: value for key, value in url.query.items() if key in UNDERSTOOD}
        _, arguments = dialect.create_connect_args(url.set(query=known))
        arguments.pop("database", None)
        try:
            self._connection = pymysql.connect(
                **arguments,
                connect_timeout=ANSWER_SECONDS,
                read_timeout=ANSWER_SECONDS,
                write_timeout=ANSWER_SECONDS,
                autocommit=True,
                init_command="SET SESSION TRANSACTION READ ONLY",
                cursorclass=pymysql.cursors.DictCursor,
            )
        except (pymysql.Error, OSError, RuntimeError) as error:
            raise NotConnected(_kind(error), _words(error)) from None

    def close(self) -> None:
        """End it."""
        with suppress(pymysql.Error):  # it has ended already
            self._connection.close()

    def rows(self, statement: str, values: Sequence[Any] | Mapping[str, Any] | None = None) -> list[Row]:
        """What the server answers, with its columns' names in lower case. Raises NotShown, NotConnected."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement, values)
                return [{key.lower(): value for key, value in row.items()} for row in cursor.fetchall()]
        except (pymysql.Error, OSError) as error:
            code = _code(error)
            if code in (CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR, 0):
                raise NotConnected(_kind(error), _words(error)) from None
            raise NotShown(
                _words(error), for_lack_of_privilege=code in _NO_PRIVILEGE, unknown=code in _NO_SUCH_THING
            ) from None

    def named(self, what: str, names: Sequence[str]) -> dict[str, str]:
        """Global VARIABLES or STATUS by name in lower case; those that this server has not are left out."""
        statement = f"SHOW GLOBAL {what} WHERE Variable_name IN ({', '.join(['%s'] * len(names))})"
        return {str(row["variable_name"]).lower(): _text(row["value"]) for row in self.rows(statement, list(names))}


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value if value is not None else "")


def _code(error: Exception) -> int:
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0


def _words(error: Exception) -> str:
    """The server's own words, or the system's."""
    said = str(error.args[1]) if len(error.args) > 1 else str(error)
    system = re.search(r"\[Errno -?\d+\] [^'\")]+", said)
    return f"error {_code(error)}: {system[0] if system else said}" if _code(error) else said or type(error).__name__


def _kind(error: Exception) -> NoAnswer:
    code, words = _code(error), str(error)
    if code == _CON_COUNT:
        return "full"
    if code in _LOGIN_REFUSED:
        return "login"
    if "timed out" in words:
        return "silent"
    if "[Errno 111]" in words:
        return "refused"
    return "unreachable" if code == CR.CR_CONN_HOST_ERROR else "broken"
