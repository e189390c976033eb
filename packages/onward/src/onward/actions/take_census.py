"""Remember what is in the database, so that it can be compared after every migration."""

import os
import time
from pathlib import Path

from onward.actions.configure_service import database_url
from onward.catalog.load import recipe
from onward.engine.action import Evidence, StepContext
from onward.observe.census import take_census
from onward.observe.database import read_only


class TakeCensus:
    """``census.take``: count all rows and sum up all columns.

    Arguments: ``service``, ``series``. Evidence: ``tables``, ``rows``, ``seconds``, and the paths ``census`` and
    ``rows_file`` below the run's directory. Repeated, it writes both files anew.
    """

    name = "census.take"

    def apply(self, context: StepContext) -> Evidence:
        """Read every row once."""
        began = time.monotonic()
        directory = context.workspace / "census"
        directory.mkdir(exist_ok=True, mode=0o700)
        rows_file = directory / "rows.sqlite"
        engine = read_only(database_url(context))
        try:
            census = take_census(engine, recipe(context.plan.service), rows_file)
        finally:
            engine.dispose()
        path = directory / f"{context.step.arguments['series']}.json"
        write_whole(path, census.to_json())
        return {
            "tables": len(census.tables),
            "rows": census.rows,
            "seconds": round(time.monotonic() - began, 3),
            "census": str(path.relative_to(context.workspace)),
            "rows_file": str(rows_file.relative_to(context.workspace)),
        }


def write_whole(path: Path, words: str) -> None:
    """Write a file so that after a crash it is there whole, or as it was."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(words)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
