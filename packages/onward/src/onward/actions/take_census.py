"""Remember what is in the database, so that it can be compared after every migration."""

import os
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL

from onward.actions.copied import beside, run_databases
from onward.actions.lane import lane_directory, service_of
from onward.catalog.load import recipe
from onward.engine.action import Evidence, StepContext
from onward.observe.census import take_census
from onward.observe.database import read_only


class TakeCensus:
    """``census.take``: count all rows and sum up all columns.

    Arguments: ``service``, ``series``; ``database`` and ``tables``, where the service's tables are part of another
    database still. Evidence: ``tables``, ``rows``, ``seconds``, and the paths ``census`` and
    ``rows_file`` below the run's directory; where the service has several databases, these by name in ``databases``.
    Repeated, it writes the files anew.
    """

    name = "census.take"

    def apply(self, context: StepContext) -> Evidence:
        """Read every row once."""
        began = time.monotonic()
        other = context.step.arguments.get("database")
        urls = run_databases(context) if other is None else {service_of(context): beside(context, str(other))}
        found = {name: _taken(context, name, url) for name, url in urls.items()}
        files = [{key: each.pop(key) for key in ("census", "rows_file")} for each in found.values()]
        return {
            "tables": sum(each["tables"] for each in found.values()),
            "rows": sum(each["rows"] for each in found.values()),
            "seconds": round(time.monotonic() - began, 3),
            **(files[0] if "" in found else {"databases": dict(zip(found, files, strict=True))}),
        }


def _taken(context: StepContext, name: str, url: URL) -> Evidence:
    """The census of one database, and where it is kept."""
    directory = lane_directory(context, "census") / name
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    rows_file = directory / "rows.sqlite"
    only: Any = context.step.arguments.get("tables")
    engine = read_only(url)
    try:
        census = take_census(engine, recipe(service_of(context)), rows_file, only=only)
    finally:
        engine.dispose()
    path = directory / f"{context.step.arguments['series']}.json"
    write_whole(path, census.to_json())
    return {
        "tables": len(census.tables),
        "rows": census.rows,
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
