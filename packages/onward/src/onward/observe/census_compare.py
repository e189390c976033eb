"""Holds a database against an earlier census: what is lost or changed, and what a release is documented to change."""

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sqlalchemy import Engine

from onward.catalog.service import CensusChange, Recipe
from onward.observe.census import Census, TableCensus, cell_of_null, layouts, rows_of, take_census
from onward.observe.census_rows import CELL_BYTES, RowsFile

EXAMPLES = 5
"""Keys that are named for each table and column; all are counted."""


@dataclass(frozen=True)
class Difference:
    """Rows or values that should have survived and did not."""

    table: str
    column: str | None
    """None: whole rows, or the whole table."""
    what: str
    count: int
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = self.table if self.column is None else f"{self.table}.{self.column}"
        named = f", key {'; '.join(self.keys)}" if self.keys else ""
        more = f" and {self.count - len(self.keys)} more" if self.keys and self.count > len(self.keys) else ""
        return f"{place}: {self.what}{named}{more}"


@dataclass
class Comparison:
    """The result: differences are losses; the rest is good to know."""

    after: Census
    differences: list[Difference] = field(default_factory=list)
    documented: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def compare(
    before: Census, rows_file: Path, engine: Engine, recipe: Recipe, changes: tuple[CensusChange, ...]
) -> Comparison:
    """Take a new census and hold it against ``before``.

    ``changes`` are the documented ones of the series in between. Sums are compared first; only where they differ are
    the rows gone through, with the help of the file that the first census wrote.
    """
    tables = {
        name: _Table(name, old, tuple(change for change in changes if change.table == name))
        for name, old in before.tables.items()
    }
    result = Comparison(take_census(engine, recipe, keys=_keys_now(engine, tables)))
    with closing(RowsFile.open(rows_file)) as rows:
        for table in tables.values():
            now = result.after.tables.get(table.name)
            if now is None:
                _gone(result, table)
                continue
            columns = _columns_to_compare(result, table, now)
            if table.old.rows != now.rows or any(
                table.old.columns[was] != now.columns[is_] for was, is_ in columns.items()
            ):
                _go_through_rows(result, rows, engine, table, columns)
    for name in sorted(set(result.after.tables) - set(before.tables)):
        result.notes.append(f"{name}: new table, {result.after.tables[name].rows} rows")
    return result


@dataclass(frozen=True)
class _Table:
    """A table of the earlier census, and what is documented to happen to it."""

    name: str
    old: TableCensus
    changes: tuple[CensusChange, ...]

    def of_column(self, column: str) -> CensusChange | None:
        return next((change for change in self.changes if change.column == column), None)

    def of_rows(self, kind: Literal["dropped", "rows-added", "rows-removed"]) -> CensusChange | None:
        return next((change for change in self.changes if change.column is None and change.kind == kind), None)

    def name_now(self, column: str) -> str:
        change = self.of_column(column)
        return change.renamed_to if change is not None and change.renamed_to else column

    @property
    def key_now(self) -> tuple[str, ...]:
        return tuple(self.name_now(column) for column in self.old.key)


def _keys_now(engine: Engine, tables: Mapping[str, _Table]) -> dict[str, tuple[str, ...]]:
    """The columns to tell rows apart by as they were told apart before, also where a table has a new primary key."""
    present = layouts(engine)
    return {
        name: table.key_now
        for name, table in tables.items()
        if name in present and set(table.key_now) <= set(present[name].columns)
    }


def _gone(result: Comparison, table: _Table) -> None:
    dropped = table.of_rows("dropped")
    if dropped is not None:
        result.documented.append(f"{table.name}: {table.old.rows} rows dropped by {dropped.series}: {dropped.reason}")
    elif table.old.rows == 0:
        result.notes.append(f"{table.name}: the table is gone, in which there were no rows")
    else:
        what = f"the table is gone, with {table.old.rows} rows"
        result.differences.append(Difference(table.name, None, what, table.old.rows))


def _columns_to_compare(result: Comparison, table: _Table, now: TableCensus) -> dict[str, str]:
    """Old names of the columns that must be equal, with their names now."""
    columns = {}
    for name, total in table.old.columns.items():
        change, name_now = table.of_column(name), table.name_now(name)
        told = f"{table.name}.{name}: {change.kind} by {change.series}: {change.reason}" if change is not None else ""
        if name_now not in now.columns:
            if change is not None and change.kind == "dropped":
                result.documented.append(told)
            elif table.old.rows == 0:
                result.notes.append(f"{table.name}.{name}: the column is gone, of no rows")
            else:
                what = f"the column is gone, of {table.old.rows} rows"
                result.differences.append(Difference(table.name, name, what, table.old.rows))
        elif change is not None and change.kind == "rewritten":
            if total != now.columns[name_now]:
                result.documented.append(told)
        else:
            columns[name] = name_now
            if name_now != name:
                result.documented.append(told)
    added = sorted(set(now.columns) - {table.name_now(name) for name in table.old.columns})
    if added:
        result.notes.append(f"{table.name}: new columns {', '.join(added)}")
    return columns


def _go_through_rows(
    result: Comparison, rows: RowsFile, engine: Engine, table: _Table, columns: Mapping[str, str]
) -> None:
    """Name the rows and columns that differ."""
    if not set(table.key_now) <= set(columns.values()):
        what = "the key has changed; rows cannot be told apart"
        result.differences.append(Difference(table.name, None, what, table.old.rows))
        return
    rows.begin_comparison()
    count = 0
    for batch in rows_of(engine, table.name, tuple(columns.values()), table.key_now):
        rows.add_now(batch)
        count += len(batch)
    _changed_values(result, rows, table, tuple(columns))
    _missing_and_added(result, rows, table, count)


def _changed_values(result: Comparison, rows: RowsFile, table: _Table, columns: tuple[str, ...]) -> None:
    changed: Counter[str] = Counter()
    filled: Counter[str] = Counter()
    keys: dict[str, list[str]] = {}
    places = [(name, list(table.old.columns).index(name), place) for place, name in enumerate(columns)]
    may_be_filled = {name for name in columns if (change := table.of_column(name)) and change.kind == "filled"}
    for pair in rows.pairs(table.name):
        for name, was, is_ in places:
            old = pair.before[was * CELL_BYTES : (was + 1) * CELL_BYTES]
            if old == pair.now[is_ * CELL_BYTES : (is_ + 1) * CELL_BYTES]:
                continue
            if name in may_be_filled and old == cell_of_null(pair.digest):
                filled[name] += 1
                continue
            changed[name] += 1
            if len(keys.setdefault(name, [])) < EXAMPLES:
                keys[name].append(pair.key)
    for name, count in sorted(changed.items()):
        result.differences.append(
            Difference(table.name, name, f"{count} values differ", count, tuple(sorted(keys[name])))
        )
    for name, count in sorted(filled.items()):
        change = table.of_column(name)
        if change is not None:
            result.documented.append(
                f"{table.name}.{name}: {count} empty values filled by {change.series}: {change.reason}"
            )


def _missing_and_added(result: Comparison, rows: RowsFile, table: _Table, count: int) -> None:
    gone, keys = rows.missing(table.name, EXAMPLES)
    added = count - (table.old.rows - gone)
    removal, addition = table.of_rows("rows-removed"), table.of_rows("rows-added")
    if gone and removal is not None and (removal.at_most is None or gone <= removal.at_most):
        result.documented.append(f"{table.name}: {gone} rows removed by {removal.series}: {removal.reason}")
    elif gone:
        result.differences.append(Difference(table.name, None, f"{gone} rows are missing", gone, tuple(keys)))
    if added and addition is not None:
        result.documented.append(f"{table.name}: {added} rows added by {addition.series}: {addition.reason}")
    elif added:
        result.notes.append(f"{table.name}: {added} rows more than before")
