"""Who is connected to a database besides us."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, Connection, text

from onward.observe.database import backend_of, read_only

_SESSIONS = text(
    "SELECT id, user, host, command, time, state FROM information_schema.processlist"
    " WHERE db = :database AND id <> CONNECTION_ID() ORDER BY id"
)
# The statements themselves are left out: they may hold what nobody should read in a report.
_MAY_SEE_ALL = text(
    "SELECT COUNT(*) FROM information_schema.user_privileges WHERE privilege_type = 'PROCESS'"
    " AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')"
)


@dataclass(frozen=True)
class Sessions:
    """Who uses a database, and how far one could see."""

    others: tuple[str, ...]
    """One line for each: who it is, and what it is doing."""
    unseen: str = ""
    """Who could not be seen, and why; empty where everybody could."""


def other_sessions(url: URL) -> Sessions:
    """Who else uses the database: on SQLite the processes that hold the file open, elsewhere the connections to it.

    Raises DatabaseUnreachable.
    """
    if backend_of(url) == "sqlite":
        return _holders(Path(str(url.database)))
    engine = read_only(url)
    try:
        with engine.connect() as connection:
            return Sessions(_connections(connection, str(url.database)), _unseen(connection))
    finally:
        engine.dispose()


def _connections(connection: Connection, database: str) -> tuple[str, ...]:
    return tuple(
        f"connection {row.id}: {row.user}@{row.host}, {row.command}"
        f" for {row.time or 0} s{f', {row.state}' if row.state else ''}"
        for row in connection.execute(_SESSIONS, {"database": database})
    )


def _unseen(connection: Connection) -> str:
    if connection.execute(_MAY_SEE_ALL).scalar():
        return ""
    user = connection.execute(text("SELECT CURRENT_USER()")).scalar()
    return f"connections of other users than {user} could not be seen: it has not the privilege PROCESS"


def _holders(file: Path) -> Sessions:
    wanted = str(file.resolve())
    found, hidden = [], 0
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            open_files = [str(link.readlink()) for link in (process / "fd").iterdir()]
            if wanted in open_files:
                words = (process / "comm").read_text().strip()
                found.append(f"process {process.name}: {words}")
        except PermissionError:
            hidden += 1
        except OSError:
            continue  # it ended meanwhile
    return Sessions(tuple(found), f"{hidden} processes of other users could not be looked into" if hidden else "")
