"""Connections that can only read, to any database that a service may use."""

import os
import re
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from onward.errors import DatabaseReadOnly, DatabaseUnreachable, WriteRefused

CONNECT_SECONDS = 10
READ_SECONDS = 60
"""For one answer of the server; a server that was stopped keeps its connections and says nothing."""
_SQLITE = "sqlite"
_MYSQL = ("mysql", "mariadb")
_PASSWORDS = ("password", "passwd")
"""Names under which PyMySQL takes a password among a URL's options."""
UNDERSTOOD = ("charset", "unix_socket", "ssl_ca")
"""Options of a URL that are passed on."""


def database_url(text: str) -> URL:
    """What a database URL says. Raises ValueError, whose words hold nothing of the URL: it has the password."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError("is not a database URL") from None
    if url.get_backend_name() != _SQLITE and "@" in f"{url.host}{url.database}":
        # SQLAlchemy up to 1.3 took the last @ for the one before the host, so that such URLs are around.
        raise ValueError("has an @ in its password, which is written %40 in a URL")
    in_query = next((url.query[name] for name in _PASSWORDS if name in url.query), None)
    if in_query is None:
        return url
    return url.set(password=url.password or str(in_query)).difference_update_query(_PASSWORDS)


_READING = ("SELECT", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "WITH", "PRAGMA", "VALUES", "TABLE")
_COMMENT = re.compile(r"^(\s|/\*(?![!M]).*?\*/|--[^\n]*\n|#[^\n]*\n|\()+", re.DOTALL)
_WRITES_FILES = re.compile(r"\bINTO\s+(OUTFILE|DUMPFILE)\b", re.IGNORECASE)


def shown(url: URL) -> str:
    """The URL as people may see it: without its password, and with those options only that are known to hold none."""
    words = url.difference_update_query(set(url.query) - {*UNDERSTOOD}).render_as_string(hide_password=True)
    place, mark, options = words.partition("?")
    return place + mark + options.replace("%2F", "/")  # The path of a socket is to be recognised.


def backend_of(url: URL) -> str:
    """``sqlite`` or ``mysql`` (which is MariaDB as well). Raises DatabaseUnreachable for others."""
    name = url.get_backend_name()
    if name == _SQLITE:
        return _SQLITE
    if name in _MYSQL:
        return "mysql"
    raise DatabaseUnreachable(
        f"Onward cannot read databases of the kind {name}.",
        evidence=f"{shown(url)}; supported are SQLite, MariaDB and MySQL",
    )


def read_only(url: URL, read_seconds: int | None = None) -> Engine:
    """An engine whose every transaction is read-only by the database's own means; it has connected once.

    A statement that does not read is not sent at all: it raises WriteRefused. A server that is silent for
    ``read_seconds`` is given up; None: it is waited for. Its greeting has CONNECT_SECONDS. Raises DatabaseUnreachable
    with the server's answer.
    """
    engine = _engine(url)
    event.listen(engine, "before_cursor_execute", _refuse_writing)

    if backend_of(url) == "mysql":

        @event.listens_for(engine, "connect")
        def _on_connect(connection: Any, _record: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION TRANSACTION READ ONLY")
            # PyMySQL has one time for a server's greeting, which comes at once or never, and for its answers.
            connection._read_timeout = read_seconds

    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            if url.get_backend_name() == _SQLITE:
                connection.execute(text("SELECT count(*) FROM sqlite_master"))
    except (DBAPIError, NoSuchModuleError, OSError) as error:
        engine.dispose()
        raise DatabaseUnreachable(
            f"The database does not answer: {shown(url)}.", evidence=_answer(error), next_command=_by_hand(url)
        ) from None
    return engine


def _refuse_writing(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
    """Called by SQLAlchemy with every statement, before it is sent. Raises WriteRefused."""
    begin = _COMMENT.sub("", statement, count=1)
    verb = begin.split(None, 1)[0].upper().rstrip(";(") if begin.split() else ""
    if verb not in _READING or _WRITES_FILES.search(statement):
        raise WriteRefused(
            "A check tried to change the database.",
            # The rest of it may be data.
            evidence=f"the statement begins with {verb or 'nothing'}",
            next_command="have the check only read",
        )


def writable(url: URL) -> None:
    """Return when the database accepts writes; nothing is written. Raises DatabaseReadOnly, DatabaseUnreachable."""
    if backend_of(url) == _SQLITE:
        path = Path(str(url.database))
        if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
            raise DatabaseReadOnly(f"{path} cannot be written.", evidence="file or directory is not writable")
        return
    engine = read_only(url, READ_SECONDS)
    try:
        with engine.connect() as connection:
            server = is_on(connection.execute(text("SELECT @@global.read_only")).scalar())
            # A server that could be part of a cluster, and is not, also has wsrep_ready at OFF.
            clustered = connection.execute(text("SHOW GLOBAL VARIABLES LIKE 'wsrep_on'")).first()
            ready = connection.execute(text("SHOW GLOBAL STATUS LIKE 'wsrep_ready'")).first()
            innodb = is_on(connection.execute(text("SELECT @@global.innodb_read_only")).scalar())
    finally:
        engine.dispose()
    reasons = [
        reason
        for reason, holds in (
            ("read_only is on: a replica, or a server in maintenance", server),
            ("innodb_read_only is on", innodb),
            (
                "wsrep_ready is OFF: the node is not part of its Galera cluster",
                clustered is not None and clustered[1] == "ON" and ready is not None and ready[1] == "OFF",
            ),
        )
        if holds
    ]
    if reasons:
        raise DatabaseReadOnly(
            f"The database does not accept writes: {shown(url)}.",
            evidence="\n".join(reasons),
            next_command="name the primary in the service's configuration",
        )


def is_on(value: object) -> bool:
    """Whether a server's switch is on.

    Most answer with a number. MariaDB's read_only is a word where it has levels: OFF, ON, NO_LOCK, NO_LOCK_NO_ADMIN
    (MDEV-36425).
    """
    return str(value).upper() not in ("0", "OFF", "NONE", "FALSE")


def count_rows(engine: Engine, query: str) -> int | None:
    """What a query counts; None where the database cannot say it."""
    try:
        with engine.connect() as connection:
            return int(connection.execute(text(query)).scalar() or 0)
    except SQLAlchemyError:
        return None


def database_bytes(engine: Engine) -> int:
    """What the database takes on disk, data and indexes, as the server estimates it."""
    with engine.connect() as connection:
        if engine.dialect.name == _SQLITE:
            pages = connection.execute(text("PRAGMA page_count")).scalar() or 0
            return int(pages) * int(connection.execute(text("PRAGMA page_size")).scalar() or 0)
        size = connection.execute(
            text(
                "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
            )
        ).scalar()
        return int(size or 0)


def _engine(url: URL) -> Engine:
    if backend_of(url) == _SQLITE:
        if not url.database or url.database == ":memory:":
            raise DatabaseUnreachable(
                "The database is not in a file, so that nobody but the service can read it.",
                evidence="it is in the memory of a process",
            )
        path = Path(url.database).absolute()
        if not path.is_file():
            raise DatabaseUnreachable(
                "The database file does not exist.", evidence=str(path), next_command=_by_hand(url)
            )
        # As a URI: a bare ? in the name would end it, and with it the words that make the connection read-only.
        return sqlalchemy.create_engine(
            URL.create("sqlite", database=path.as_uri(), query={"mode": "ro", "uri": "true"})
        )
    # Options that other drivers understand would stop PyMySQL from connecting.
    known = {key: value for key, value in url.query.items() if key in UNDERSTOOD}
    return sqlalchemy.create_engine(
        url.set(drivername="mysql+pymysql", query=known),
        connect_args={"connect_timeout": CONNECT_SECONDS, "read_timeout": CONNECT_SECONDS},
        pool_pre_ping=True,
    )


def _by_hand(url: URL) -> str:
    """How people try the same."""
    if backend_of(url) == _SQLITE:
        return f"ls -l {url.database}"
    socket = url.query.get("unix_socket")
    place = f"--socket {socket}" if socket else f"--host {url.host or 'localhost'} --port {url.port or 3306}"
    return f"mariadb {place} --user {url.username} --password {url.database} --execute 'SELECT 1'"


def _answer(error: Exception) -> str:
    """The database's own words, without SQLAlchemy's."""
    original = getattr(error, "orig", None) or error
    return f"{type(original).__name__}: {original}"
