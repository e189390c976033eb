"""Hold the database against the census that was taken before anything was migrated."""

import time

from onward.actions.configure_service import database_url
from onward.actions.migrate_database import known_fault_on_the_way
from onward.catalog.load import changes_between, recipe
from onward.engine.action import Evidence, StepContext
from onward.errors import DataLost
from onward.observe.census import Census
from onward.observe.census_compare import compare
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
        before = Census.from_json((context.workspace / baseline["census"]).read_text(encoding="utf-8"))
        known = recipe(context.plan.service)
        engine = read_only(database_url(context))
        try:
            result = compare(
                before,
                context.workspace / baseline["rows_file"],
                engine,
                known,
                changes_between(known.census.changes, context.plan.source, series),
            )
        finally:
            engine.dispose()
        if result.differences:
            lines = [str(difference) for difference in result.differences]
            count = sum(each.count for each in result.differences)
            rehearsal = context.plan.kind == "rehearsal"
            raise DataLost(
                f"After {series}, {count} rows or values are not what they were.",
                evidence="\n".join(lines[:SHOWN]) + known_fault_on_the_way(context, "\n".join(lines)),
                state=f"The {'copy' if rehearsal else 'database'} is at {series}.",
                next_command=f"onward runs show {context.run_id}"
                + ("" if rehearsal else f"\nonward runs restore {context.run_id}"),
            )
        return {
            "tables": len(result.after.tables),
            "rows": result.after.rows,
            "documented": result.documented,
            "notes": result.notes,
            "seconds": round(time.monotonic() - began, 3),
        }
