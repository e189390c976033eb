"""The row census: what is in a database, in a form that can be compared after everything in it has been moved.

It holds, for each table, the number of rows, and for each column the sum modulo 2**64 of one 64-bit hash for each cell.
A cell's hash covers the row's key and the value. So the sums do not depend on the order of rows, a value cannot change
places between rows unnoticed, and a column may be renamed. Rows are streamed: memory does not grow with the database.
"""

import json
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, inspect, text

from onward.catalog.service import Recipe
from onward.observe.census_rows import CELL_BYTES, KEY_BYTES, RowsFile

BATCH_ROWS = 2_000
_MODULUS = 1 << 64
_NULL = b"\x00"
_VALUE = b"\x01"


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


class Row(NamedTuple):
    """A row as the census sees it."""

    digest: bytes
    """Hash of its key."""
    key: str
    """Its key, for people."""
    cells: bytes
    """The hashes of its values, one after the other."""


def take_census(
    engine: Engine,
    recipe: Recipe,
    rows_file: Path | None = None,
    keys: Mapping[str, tuple[str, ...]] | None = None,
    only: Collection[str] | None = None,
) -> Census:
    """Count every table but the migration tools' own, or ``only`` some.

    With ``rows_file``, each row's key and cell hashes are kept in that SQLite file as well, so that a later difference
    can be traced to its row. A file that is there is written anew. ``keys`` names, for some tables, other columns than
    those of the primary key to tell rows apart by, for comparing with a census that had these.
    """
    found = {
        name: each
        for name, each in layouts(engine).items()
        if name not in recipe.census.bookkeeping and (only is None or name in only)
    }
    wanted = {name: (keys or {}).get(name) or each.key or each.columns for name, each in found.items()}
    if rows_file is None:
        return Census({name: _count(engine, name, each.columns, None, wanted[name]) for name, each in found.items()})
    with closing(RowsFile.create(rows_file)) as keeper:
        return Census({name: _count(engine, name, each.columns, keeper, wanted[name]) for name, each in found.items()})


class Layout(NamedTuple):
    """A table's columns, and those of its primary key."""

    columns: tuple[str, ...]
    key: tuple[str, ...]


def layouts(engine: Engine) -> dict[str, Layout]:
    """All tables by name, in order. MariaDB is asked for all at once: services have hundreds, most of them empty.

    https://mariadb.com/kb/en/information-schema-columns-table/ and .../information-schema-statistics-table/
    """
    if engine.dialect.name not in ("mysql", "mariadb"):
        inspector = inspect(engine)
        return {
            name: Layout(
                tuple(str(column["name"]) for column in inspector.get_columns(name)),
                tuple(inspector.get_pk_constraint(name)["constrained_columns"]),
            )
            for name in sorted(inspector.get_table_names())
        }
    columns: dict[str, list[str]] = {}
    keys: dict[str, list[str]] = {}
    with engine.connect() as connection:
        for table, column in connection.execute(text(_COLUMNS)):
            columns.setdefault(str(table), []).append(str(column))
        for table, column in connection.execute(text(_KEYS)):
            keys.setdefault(str(table), []).append(str(column))
    return {name: Layout(tuple(columns[name]), tuple(keys.get(name, ()))) for name in sorted(columns)}


_COLUMNS = """
SELECT c.table_name, c.column_name FROM information_schema.columns c JOIN information_schema.tables t
ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE'
WHERE c.table_schema = DATABASE() ORDER BY c.table_name, c.ordinal_position
"""
_KEYS = """
SELECT table_name, column_name FROM information_schema.statistics
WHERE table_schema = DATABASE() AND index_name = 'PRIMARY' ORDER BY table_name, seq_in_index
"""


def _count(
    engine: Engine, table: str, columns: tuple[str, ...], keeper: RowsFile | None, key: tuple[str, ...]
) -> TableCensus:
    sums = [0] * len(columns)
    cells = struct.Struct(f">{len(columns)}Q")
    rows = 0
    for batch in rows_of(engine, table, columns, key):
        rows += len(batch)
        by_column = zip(*(cells.unpack(row.cells) for row in batch), strict=True)
        sums = [total + sum(column) for total, column in zip(sums, by_column, strict=True)]
        if keeper is not None:
            keeper.add(table, batch)
    named = {column: f"{total % _MODULUS:016x}" for column, total in zip(columns, sums, strict=True)}
    return TableCensus(rows, key, named)


def rows_of(engine: Engine, table: str, columns: Sequence[str], key: Sequence[str]) -> Iterator[list[Row]]:
    """All rows in batches, with a cell for each of ``columns``, which include those of ``key``. No batch is empty."""
    quote = engine.dialect.identifier_preparer.quote
    listed = ", ".join(quote(column) for column in columns)
    places = [columns.index(column) for column in key]
    with engine.connect().execution_options(stream_results=True, yield_per=BATCH_ROWS) as connection:
        result = connection.execute(text(f"SELECT {listed} FROM {quote(table)}"))  # noqa: S608 - quoted names
        for batch in result.partitions(BATCH_ROWS):
            yield [_hashed(row, places) for row in batch]


def _hashed(row: Sequence[Any], places: list[int]) -> Row:
    values = [_bytes(value) for value in row]
    parts = [values[place] for place in places]
    digest = _digest_of_key(parts)
    cells = b"".join([blake2b(digest + value, digest_size=CELL_BYTES).digest() for value in values])
    return Row(digest, ", ".join(_for_people(part) for part in parts), cells)


def cell_of_null(digest: bytes) -> bytes:
    """The cell that a row with this key has where its value is NULL."""
    return blake2b(digest + _NULL, digest_size=CELL_BYTES).digest()


def _digest_of_key(parts: list[bytes]) -> bytes:
    if len(parts) == 1:
        return blake2b(parts[0], digest_size=KEY_BYTES).digest()
    # The lengths keep ("a", "bc") and ("ab", "c") apart.
    lengths = struct.pack(f">{len(parts)}I", *map(len, parts))
    return blake2b(lengths + b"".join(parts), digest_size=KEY_BYTES).digest()


def _bytes(value: Any) -> bytes:
    """A value so that the same content is the same bytes, whatever type a driver or a release chose for it.

    1, True, 1.0 and Decimal("1.00") are the same, and so are "a" and b"a"; NULL is like nothing else.
    """
    if value is None:
        return _NULL
    return _VALUE + (value.encode(errors="surrogatepass") if type(value) is str else _content(value))


def _content(value: Any) -> bytes:
    match value:
        case bytes() | bytearray() | memoryview():
            return bytes(value)
        case bool():
            return b"1" if value else b"0"
        case float() if value.is_integer():
            return str(int(value)).encode()
        case Decimal() if value.is_finite():
            return format(value.normalize(), "f").encode() if value else b"0"
        case datetime():
            return value.isoformat(" ").encode()
        case _:
            return str(value).encode(errors="surrogatepass")


def _for_people(part: bytes) -> str:
    return "NULL" if part == _NULL else part[1:].decode(errors="replace")
