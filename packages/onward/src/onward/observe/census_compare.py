"""Holds a database against an earlier census: what is lost, what is different, what a release is documented to change."""

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine, inspect

from onward.catalog.service import CensusChange, Recipe
from onward.observe.census import Census, RowsFile, TableCensus, rows_of, take_census

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
    result = Comparison(take_census(engine, recipe))
    by_table: dict[str, list[CensusChange]] = {}
    for change in changes:
        by_table.setdefault(change.table, []).append(change)
    with closing(RowsFile.open(rows_file)) as rows:
        for table, old in before.tables.items():
            _compare_table(result, rows, engine, table, old, by_table.get(table, []))
    for table in sorted(set(result.after.tables) - set(before.tables)):
        result.notes.append(f"{table}: new table, {result.after.tables[table].rows} rows")
    return result


def _compare_table(
    result: Comparison, rows: RowsFile, engine: Engine, table: str, old: TableCensus, changes: list[CensusChange]
) -> None:
    new = result.after.tables.get(table)
    whole = next((change for change in changes if change.column is None and change.kind == "dropped"), None)
    if new is None:
        if whole is not None:
            result.documented.append(f"{table}: {old.rows} rows dropped by {whole.series}: {whole.reason}")
        else:
            result.differences.append(Difference(table, None, f"the table is gone, with {old.rows} rows", old.rows))
        return
    columns = _columns_to_compare(result, table, old, new, changes)
    differing = [name for name, now in columns.items() if old.columns[name] != new.columns[now]]
    if not differing and old.rows == new.rows:
        return
    _go_through_rows(result, rows, engine, table, old, columns, changes)


def _columns_to_compare(
    result: Comparison, table: str, old: TableCensus, new: TableCensus, changes: list[CensusChange]
) -> dict[str, str]:
    """Old names of the columns that must be equal, with their names now."""
    by_column = {change.column: change for change in changes if change.column is not None}
    columns = {}
    for name in old.columns:
        change = by_column.get(name)
        if change is not None and change.kind in ("dropped", "rewritten"):
            result.documented.append(f"{table}.{name}: {change.kind} by {change.series}: {change.reason}")
            continue
        now = change.renamed_to if change is not None and change.renamed_to else name
        if change is not None and now != name and now in new.columns:
            result.documented.append(f"{table}.{name}: renamed to {now} by {change.series}: {change.reason}")
        if now in new.columns:
            columns[name] = now
        else:
            result.differences.append(Difference(table, name, f"the column is gone, of {old.rows} rows", old.rows))
    added = sorted(set(new.columns) - set(columns.values()))
    if added:
        result.notes.append(f"{table}: new columns {', '.join(added)}")
    return columns


def _go_through_rows(
    result: Comparison,
    rows: RowsFile,
    engine: Engine,
    table: str,
    old: TableCensus,
    columns: Mapping[str, str],
    changes: list[CensusChange],
) -> None:
    """Name the rows and columns that differ."""
    key = [columns.get(name, name) for name in old.key]
    present = [str(column["name"]) for column in inspect(engine).get_columns(table)]
    if not set(key) <= set(present):
        result.differences.append(Difference(table, None, "the key has changed; rows cannot be told apart", old.rows))
        return
    places = {name: (list(old.columns).index(name), present.index(now)) for name, now in columns.items()}
    changed: Counter[str] = Counter()
    examples: dict[str, list[str]] = {}
    added = 0
    rows.forget_seen(table)
    for batch in rows_of(engine, table, present, key):
        known = []
        for row_key, cells in batch:
            earlier = rows.cells(table, row_key)
            if earlier is None:
                added += 1
                continue
            known.append(row_key)
            for name, (was, now) in places.items():
                if earlier[was] != cells[now]:
                    changed[name] += 1
                    if len(examples.setdefault(name, [])) < EXAMPLES:
                        examples[name].append(row_key)
        rows.see(table, known)
    for name, count in sorted(changed.items()):
        result.differences.append(
            Difference(table, name, f"{count} values differ", count, tuple(sorted(examples[name])))
        )
    _missing_and_added(result, rows, table, added, changes)


def _missing_and_added(
    result: Comparison, rows: RowsFile, table: str, added: int, changes: list[CensusChange]
) -> None:
    gone, keys = rows.unseen(table, EXAMPLES)
    removal = next((change for change in changes if change.kind == "rows-removed"), None)
    addition = next((change for change in changes if change.kind == "rows-added"), None)
    if gone and removal is not None:
        result.documented.append(f"{table}: {gone} rows removed by {removal.series}: {removal.reason}")
    elif gone:
        result.differences.append(Difference(table, None, f"{gone} rows are missing", gone, tuple(keys)))
    if added and addition is not None:
        result.documented.append(f"{table}: {added} rows added by {addition.series}: {addition.reason}")
    elif added:
        result.notes.append(f"{table}: {added} rows more than before")
