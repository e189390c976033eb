"""The row census: what is in a database, in a form that can be compared after every column has moved.

For each table the number of rows, and for each column the sum modulo 2**64 of one 64-bit hash for each cell. A cell's hash
covers the row's key and the value, so that sums do not depend on the order of rows, values cannot change places between
rows, and a column may be renamed. Rows are streamed: memory does not grow with the database.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, inspect, text

from onward.catalog.service import Recipe

BATCH_ROWS = 2_000
_MODULUS = 1 << 64
_CELL_BYTES = 8


@dataclass(frozen=True)
class TableCensus:
    """What one table holds."""

    rows: int
    key: tuple[str, ...]
    """Columns of the primary key; all columns where there is none."""
    columns: dict[str, str]
    """Column name to its sum, as 16 hexadecimal digits; in the order of the cells in a rows file."""

    def as_data(self) -> dict[str, Any]:
        """The same as JSON data."""
        return {"rows": self.rows, "key": list(self.key), "columns": self.columns}


@dataclass(frozen=True)
class Census:
    """What a database holds, by table."""

    tables: dict[str, TableCensus]

    @property
    def rows(self) -> int:
        """Rows in all tables."""
        return sum(table.rows for table in self.tables.values())

    def to_json(self) -> str:
        """The census as JSON."""
        return json.dumps({name: table.as_data() for name, table in self.tables.items()}, indent=1)

    @classmethod
    def from_json(cls, words: str) -> "Census":
        """Read what :meth:`to_json` wrote."""
        data = json.loads(words)
        return cls(
            {
                name: TableCensus(int(table["rows"]), tuple(table["key"]), dict(table["columns"]))
                for name, table in data.items()
            }
        )


def take_census(engine: Engine, recipe: Recipe, rows_file: Path | None = None) -> Census:
    """Count every table but the migration tools' own.

    With ``rows_file``, each row's key and cell hashes are kept in that SQLite file as well, so that a later difference
    can be traced to its row. A file that is there is written anew.
    """
    keeper = RowsFile.create(rows_file) if rows_file is not None else None
    try:
        tables = {}
        for name in sorted(inspect(engine).get_table_names()):
            if name not in recipe.database.bookkeeping:
                tables[name] = _count(engine, name, keeper)
    finally:
        if keeper is not None:
            keeper.close()
    return Census(tables)


def _count(engine: Engine, table: str, keeper: "RowsFile | None") -> TableCensus:
    inspector = inspect(engine)
    columns = tuple(str(column["name"]) for column in inspector.get_columns(table))
    key = tuple(inspector.get_pk_constraint(table)["constrained_columns"]) or columns
    sums = [0] * len(columns)
    rows = 0
    for batch in rows_of(engine, table, columns, key):
        rows += len(batch)
        for _, cells in batch:
            for place, cell in enumerate(cells):
                sums[place] += cell
        if keeper is not None:
            keeper.add(table, batch)
    named = {column: f"{total % _MODULUS:016x}" for column, total in zip(columns, sums, strict=True)}
    return TableCensus(rows, key, named)


def rows_of(
    engine: Engine, table: str, columns: Sequence[str], key: Sequence[str]
) -> Iterator[list[tuple[str, tuple[int, ...]]]]:
    """Batches of rows: each the key as JSON text, and one hash for each of ``columns``. Nothing else is kept."""
    quote = engine.dialect.identifier_preparer.quote
    listed = ", ".join(quote(column) for column in columns)
    places = [columns.index(column) for column in key]
    with engine.connect().execution_options(stream_results=True, yield_per=BATCH_ROWS) as connection:
        result = connection.execute(text(f"SELECT {listed} FROM {quote(table)}"))  # noqa: S608 - quoted names
        for batch in result.partitions(BATCH_ROWS):
            yield [_hashed(row, places) for row in batch]


def _hashed(row: Sequence[Any], places: list[int]) -> tuple[str, tuple[int, ...]]:
    values = [_bytes(value) for value in row]
    key_bytes = b"\x1f".join(values[place] for place in places)
    keyed = blake2b(key_bytes, digest_size=16).digest()
    cells = tuple(
        int.from_bytes(blake2b(value, digest_size=_CELL_BYTES, key=keyed).digest(), "big") for value in values
    )
    return key_bytes.replace(b"\x1f", b", ").replace(b"\x01", b"").decode(errors="replace"), cells


def _bytes(value: Any) -> bytes:
    """A value so that the same content is the same bytes, whatever type a driver or a release chose for it."""
    match value:
        case None:
            return b"\x00"
        case bytes() | bytearray() | memoryview():
            return b"\x01" + bytes(value)
        case bool():
            return b"\x011" if value else b"\x010"
        case Decimal():
            return b"\x01" + format(value.normalize(), "f").encode()
        case datetime():
            return b"\x01" + value.isoformat(" ").encode()
        case _:
            return b"\x01" + str(value).encode(errors="surrogatepass")


class RowsFile:
    """Keys and cell hashes of all rows of a census, in an SQLite file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def create(cls, path: Path) -> "RowsFile":
        """A new, empty file."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        connection = sqlite3.connect(path, isolation_level=None)
        # The file can be made again from the database; only a finished census counts.
        connection.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
        connection.execute(
            "CREATE TABLE rows (tablename TEXT, key TEXT, cells BLOB, seen INTEGER DEFAULT 0,"
            " PRIMARY KEY (tablename, key)) WITHOUT ROWID"
        )
        connection.execute("BEGIN")
        return cls(connection)

    @classmethod
    def open(cls, path: Path) -> "RowsFile":
        """A file that a census wrote. Raises sqlite3.OperationalError when there is none."""
        connection = sqlite3.connect(f"file:{path}?mode=rw", uri=True, isolation_level=None)
        connection.execute("BEGIN")
        return cls(connection)

    def add(self, table: str, batch: list[tuple[str, tuple[int, ...]]]) -> None:
        """Keep a batch of rows. Rows that are equal in all columns of a table without a key are kept once."""
        self._connection.executemany(
            "INSERT OR IGNORE INTO rows (tablename, key, cells) VALUES (?, ?, ?)",
            ((table, key, b"".join(cell.to_bytes(_CELL_BYTES, "big") for cell in cells)) for key, cells in batch),
        )

    def cells(self, table: str, key: str) -> tuple[int, ...] | None:
        """The cell hashes of a row, in the order of the table's columns; None when there was no such row."""
        row = self._connection.execute("SELECT cells FROM rows WHERE tablename = ? AND key = ?", (table, key)).fetchone()
        if row is None:
            return None
        blob: bytes = row[0]
        return tuple(
            int.from_bytes(blob[place : place + _CELL_BYTES], "big") for place in range(0, len(blob), _CELL_BYTES)
        )

    def forget_seen(self, table: str) -> None:
        """Begin a comparison of a table."""
        self._connection.execute("UPDATE rows SET seen = 0 WHERE tablename = ? AND seen = 1", (table,))

    def see(self, table: str, keys: list[str]) -> None:
        """Note that these rows are still there."""
        self._connection.executemany(
            "UPDATE rows SET seen = 1 WHERE tablename = ? AND key = ?", ((table, key) for key in keys)
        )

    def unseen(self, table: str, limit: int) -> tuple[int, list[str]]:
        """How many rows are gone, and the keys of the first of them."""
        gone = "FROM rows WHERE tablename = ? AND seen = 0"
        number = self._connection.execute(f"SELECT count(*) {gone}", (table,)).fetchone()[0]  # noqa: S608 - constant
        found = self._connection.execute(f"SELECT key {gone} ORDER BY key LIMIT ?", (table, limit))  # noqa: S608
        return int(number), [str(row[0]) for row in found]

    def close(self) -> None:
        """Finish the file."""
        self._connection.execute("COMMIT")
        self._connection.close()
