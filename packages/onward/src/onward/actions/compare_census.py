"""Hold the database against the census that was taken before anything was migrated."""

import time
from collections.abc import Mapping

from sqlalchemy import URL

from onward.actions.copied import run_databases
from onward.actions.lane import lane_path, service_of
from onward.actions.migrate_database import known_fault_on_the_way
from onward.catalog.load import changes_between, recipe
from onward.engine.action import Evidence, StepContext
from onward.errors import DataLost
from onward.observe.census import Census
from onward.observe.census_compare import Comparison, compare
from onward.observe.database import read_only

SHOWN = 20


class CompareCensus:
    """``census.compare``: every row that was there must be there still, with the same values.

    Arguments: ``service``, ``series``, and ``baseline``, the step that took the census. Evidence: ``tables``, ``rows``,
    ``documented`` (what a release is documented to change), ``notes``, ``seconds``. It only reads.
    """

    name = "census.compare"

    def apply(self, context: StepContext) -> Evidence:
        """Compare. Raises DataLost, which names table, key and column."""
        began = time.monotonic()
        series = str(context.step.arguments["series"])
        baseline = context.results[str(context.step.arguments["baseline"])]
        results = {
            name: _compared(context, url, series, baseline["databases"][name] if name else baseline)
            for name, url in run_databases(context).items()
        }
        differences = [(name, each) for name, result in results.items() for each in result.differences]
        if differences:
            lines = [f"{name}.{difference}" if name else str(difference) for name, difference in differences]
            count = sum(each.count for _, each in differences)
            rehearsal = context.plan.kind == "rehearsal"
            raise DataLost(
                f"After {series}, {count} rows or values are not what they were.",
                evidence="\n".join(lines[:SHOWN]) + known_fault_on_the_way(context, "\n".join(lines)),
                state=f"The {'copy' if rehearsal else 'database'} is at {series}.",
                next_command=f"onward runs show {context.run_id}"
                + ("" if rehearsal else f"\nonward runs restore {context.run_id}"),
            )
        return {
            "tables": sum(len(result.after.tables) for result in results.values()),
            "rows": sum(result.after.rows for result in results.values()),
            "documented": [each for result in results.values() for each in result.documented],
            "notes": [each for result in results.values() for each in result.notes],
            "seconds": round(time.monotonic() - began, 3),
        }


def _compared(context: StepContext, url: URL, series: str, kept: Mapping[str, str]) -> Comparison:
    """What became of one database since its census, whose files are ``kept``."""
    before = Census.from_json((context.workspace / kept["census"]).read_text(encoding="utf-8"))
    known = recipe(service_of(context))
    changes = changes_between(known.census.changes, lane_path(context)[0], series)
    engine = read_only(url)
    try:
        return compare(before, context.workspace / kept["rows_file"], engine, known, changes)
    finally:
        engine.dispose()
