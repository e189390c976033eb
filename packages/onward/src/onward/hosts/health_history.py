"""What units of a model said of one another, and when that changed: in SQLite, for as long as is wanted."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import astuple
from pathlib import Path

from onward.diagnosis.observation import Observation
from onward.hosts.private_file import make_private

_COLUMNS = "user, about, saw, since, times, detail"
_LONGEST_DETAIL = 200


class HealthHistory:
    """The history of one model. One process writes, others may read meanwhile."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, sqlite3.Error."""
        make_private(path.parent)
        path.touch(mode=0o600)
        self._connection = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
        # What a power cut takes of the last second, the next look tells again.
        self._connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
            "CREATE TABLE IF NOT EXISTS said (user TEXT NOT NULL, about TEXT NOT NULL, saw TEXT NOT NULL,"
            " since REAL NOT NULL, times INTEGER NOT NULL, detail TEXT NOT NULL);"
            "CREATE INDEX IF NOT EXISTS said_since ON said (since);"
            "CREATE INDEX IF NOT EXISTS said_pair ON said (user, about, since);"
        )

    def add(self, changes: Iterable[Observation]) -> None:
        """Keep what is said now and was not before. Raises sqlite3.Error."""
        rows = [(*astuple(each)[:5], each.detail[:_LONGEST_DETAIL]) for each in changes]
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(f"INSERT INTO said ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", rows)  # noqa: S608

    def since(self, moment: float) -> list[Observation]:
        """All that changed since then, and of each two what they said last before. Raises sqlite3.Error."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(
                f"SELECT {_COLUMNS} FROM said WHERE since > ? UNION ALL"  # noqa: S608
                f" SELECT {_COLUMNS} FROM said AS one WHERE since = (SELECT MAX(since) FROM said AS other WHERE"
                " other.user = one.user AND other.about = one.about AND other.since <= ?)",
                (moment, moment),
            )
            return [Observation(*row) for row in cursor]

    def prune(self, before: float, most: int) -> None:
        """Forget what is older, and of more rows than this the oldest; what each two said last is kept.

        Raises sqlite3.Error.
        """
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            (count,) = self._connection.execute("SELECT COUNT(*) FROM said").fetchone()
            if count > most:
                row = self._connection.execute(
                    "SELECT since FROM said ORDER BY since DESC LIMIT 1 OFFSET ?", (most,)
                ).fetchone()
                before = max(before, row[0])
            self._connection.execute(
                "DELETE FROM said WHERE since <= ? AND since < (SELECT MAX(since) FROM said AS other"
                " WHERE other.user = said.user AND other.about = said.about)",
                (before,),
            )

    def rows(self) -> int:
        """How many changes are kept."""
        return int(self._connection.execute("SELECT COUNT(*) FROM said").fetchone()[0])

    def close(self) -> None:
        """End it; what was added is kept."""
        self._connection.close()
