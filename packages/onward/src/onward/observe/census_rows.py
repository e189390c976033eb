"""The rows of a census in an SQLite file: more than fits into memory, written in order, searched only if need be."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CELL_BYTES = 8
KEY_BYTES = 16

_TABLES = """
CREATE TABLE tables (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE rows (tableid INTEGER, digest BLOB, key TEXT, cells BLOB);
"""
# A table without a primary key can hold equal rows, so that they are counted, not matched one by one.
_MISSING = """
FROM (SELECT digest, min(key) AS key, count(*) AS number FROM rows WHERE tableid = ? GROUP BY digest) AS before
LEFT JOIN (SELECT digest, count(*) AS number FROM temp.now GROUP BY digest) AS now USING (digest)
WHERE before.number > coalesce(now.number, 0)
"""


@dataclass(frozen=True)
class RowPair:
    """The same row, then and now."""

    digest: bytes
    key: str
    before: bytes
    now: bytes


class RowsFile:
    """Keys and cell hashes of all rows of a census."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._ids: dict[str, int] = {}

    @classmethod
    def create(cls, path: Path) -> "RowsFile":
        """A new, empty file, in the place of one that is there."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for suffix in ("", "-journal"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        path.touch(mode=0o600)
        connection = sqlite3.connect(path, isolation_level=None)
        # A file that was not finished is not used: it is made again from the database.
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _TABLES)
        connection.execute("BEGIN")
        return cls(path, connection)

    @classmethod
    def open(cls, path: Path) -> "RowsFile":
        """A file that a census has finished. Raises sqlite3.OperationalError when there is none."""
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
        connection.execute("BEGIN")
        file = cls(path, connection)
        file._ids = dict(connection.execute("SELECT name, id FROM tables"))
        return file

    def close(self) -> None:
        """Finish the file; it is on the disk then."""
        self._connection.execute("COMMIT")
        self._connection.close()
        descriptor = os.open(self._path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def add(self, table: str, batch: Sequence[tuple[bytes, str, bytes]]) -> None:
        """Keep rows: digest of the key, the key, the cells."""
        if table not in self._ids:
            self._ids[table] = len(self._ids) + 1
            self._connection.execute("INSERT INTO tables VALUES (?, ?)", (self._ids[table], table))
        number = self._ids[table]
        self._connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", ((number, *row) for row in batch))

    def begin_comparison(self) -> None:
        """Forget the rows that :meth:`add_now` kept. The first time, rows become searchable."""
        self._connection.execute("CREATE INDEX IF NOT EXISTS by_digest ON rows (tableid, digest)")
        self._connection.execute("DROP TABLE IF EXISTS temp.now")
        self._connection.execute("CREATE TEMPORARY TABLE now (digest BLOB, cells BLOB)")

    def add_now(self, batch: Sequence[tuple[bytes, str, bytes]]) -> None:
        """Keep rows as they are now, until the next comparison begins."""
        self._connection.executemany("INSERT INTO temp.now VALUES (?, ?)", ((row[0], row[2]) for row in batch))

    def pairs(self, table: str) -> Iterator[RowPair]:
        """All rows that were there and are there still, in the order of now."""
        found = self._connection.execute(
            "SELECT digest, key, rows.cells, now.cells FROM temp.now AS now CROSS JOIN rows USING (digest)"
            " WHERE tableid = ?",
            (self._ids.get(table),),
        )
        for digest, key, before, now in found:
            yield RowPair(digest, key, before, now)

    def missing(self, table: str, limit: int) -> tuple[int, list[str]]:
        """How many rows are gone, and the keys of the first of them."""
        self._connection.execute("CREATE INDEX IF NOT EXISTS temp.now_by_digest ON now (digest)")
        number = self._ids.get(table)
        total = self._connection.execute(
            "SELECT coalesce(sum(before.number - coalesce(now.number, 0)), 0)" + _MISSING, (number,)
        ).fetchone()[0]
        keys = self._connection.execute("SELECT key" + _MISSING + "ORDER BY key LIMIT ?", (number, limit))
        return int(total), [str(row[0]) for row in keys]
