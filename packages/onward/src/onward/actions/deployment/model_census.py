"""Remember what is in the databases of a service before they go further, and hold them against it afterwards."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field
from sqlalchemy import Engine

from onward.actions.check_cloud import CENSUS
from onward.actions.deployment.model_database import ModelDatabase
from onward.actions.deployment.noted import store_of
from onward.actions.take_census import write_whole
from onward.catalog.load import changes_between, recipe
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import DataLost
from onward.hosts.state import Directories
from onward.observe.census import Census, take_census
from onward.observe.census_compare import Comparison, compare
from onward.observe.database import read_only
from onward.plan.step import Frozen

SHOWN = 20


class _Wish(Frozen):
    """What both steps say of the databases."""

    service: str
    databases: tuple[ModelDatabase, ...]
    source: str
    series: str
    baseline: str = Field(default="", description="The step that took the census; of the comparison only")


class TakeModelCensus:
    """``model.census``: count all rows of a service's databases and sum up all columns.

    Arguments: ``service``, ``databases``, ``source`` and ``series``, both the one that they are at. Evidence:
    ``databases`` with ``census`` and ``rows_file`` below the run's directory, ``tables``, ``rows``; ``seconds``. It
    only reads; repeated, it writes its files anew, and nothing is migrated before it is done.
    """

    name = "model.census"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Read every row once."""
        began, wish = time.monotonic(), _Wish.model_validate(context.step.arguments)
        directory = context.workspace / "census"
        directory.mkdir(exist_ok=True, mode=0o700)
        found = {}
        for each in wish.databases:
            with _opened(self._directories, context, each) as engine:
                rows_file = directory / f"{each.database}.sqlite"
                census = take_census(engine, recipe(wish.service), rows_file)
            path = directory / f"{each.database}-{wish.series}.json"
            write_whole(path, census.to_json())
            crash_point("model.counted")
            found[each.database] = {
                "census": str(path.relative_to(context.workspace)),
                "rows_file": str(rows_file.relative_to(context.workspace)),
                "tables": len(census.tables),
                "rows": census.rows,
            }
        return {"databases": found, "seconds": round(time.monotonic() - began, 3)}


class CompareModelCensus:
    """``model.compare``: every row that was there must be there still, with the same values; else nothing is started.

    Arguments: those of ``model.census``, ``series`` being the one that was reached, and ``baseline``, the step that
    took the census. Evidence: by database ``rows``, ``tables``, ``documented`` (what a release is known to change),
    ``notes``, ``waived`` (differences that somebody let pass); ``seconds``. It only reads.
    """

    name = "model.compare"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Compare. Raises DataLost, which names table, key and column."""
        began, wish = time.monotonic(), _Wish.model_validate(context.step.arguments)
        waived = {CENSUS, f"{CENSUS}@{wish.service}"} & set(context.waivers)
        found, lost = {}, list[str]()
        for each in wish.databases:
            result = self._compared(context, wish, each)
            lines = [f"{each.database}.{difference}" for difference in result.differences]
            lost += lines
            found[each.database] = {
                "tables": len(result.after.tables),
                "rows": result.after.rows,
                "documented": result.documented,
                "notes": result.notes,
                **({"waived": lines} if lines else {}),
            }
        if lost and not waived:
            raise _lost(context, wish, lost)
        return {"databases": found, "seconds": round(time.monotonic() - began, 3)}

    def _compared(self, context: StepContext, wish: _Wish, database: ModelDatabase) -> Comparison:
        kept = context.results[wish.baseline]["databases"][database.database]
        before = Census.from_json((context.workspace / kept["census"]).read_text(encoding="utf-8"))
        known = recipe(wish.service)
        changes = changes_between(known.census.changes, wish.source, wish.series)
        with _opened(self._directories, context, database) as engine:
            return compare(before, context.workspace / kept["rows_file"], engine, known, changes)


def _lost(context: StepContext, wish: _Wish, lines: list[str]) -> DataLost:
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return DataLost(
        f"After {wish.series}, {wish.service} does not hold what it held at {wish.source}.",
        evidence="\n".join([*lines[:SHOWN], *more]),
        state=f"The databases of {wish.service} are at {wish.series}, and none of its units was started. What is"
        f" understood can be let pass: onward runs resume {context.run_id} --waive"
        f" '{CENSUS}@{wish.service}=REASON'",
        next_command=f"onward runs restore {context.run_id}",
    )


@contextmanager
def _opened(directories: Directories, context: StepContext, database: ModelDatabase) -> Iterator[Engine]:
    engine = read_only(database.url(store_of(directories, context).secrets()))
    try:
        yield engine
    finally:
        engine.dispose()
