"""Put the backup of an upgrade in the place of the database."""

import io
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, inspect

from onward.actions.configure_service import database_url
from onward.actions.service_stopped import require_alone
from onward.catalog.load import forward_recipe, series_list
from onward.engine.action import Evidence, StepContext
from onward.errors import DataLost, DumpLoadFailed, StepFailed
from onward.hosts.mariadb_client import load
from onward.observe.census import Census
from onward.observe.census_compare import compare
from onward.observe.database import backend_of, read_only
from onward.observe.dump import scan_dump
from onward.observe.revision import observe_schema, position

SHOWN = 20


class RestoreDatabase:
    """``database.restore``: empty the database and load the backup; then hold it against the census beside the backup.

    Arguments: ``service``; ``series``, where the backup is at; ``backup``, ``census`` and ``rows_file``, paths.
    Evidence: ``backup``, ``tables``, ``rows``, ``seconds``. The backup is read whole before anything is removed. Cut
    off, it begins anew with an empty database.
    """

    name = "database.restore"

    def apply(self, context: StepContext) -> Evidence:
        """Do it and look. Raises DumpTruncated, DumpCorrupt, ServiceStillRunning, StepFailed, DataLost."""
        began = time.monotonic()
        arguments = context.step.arguments
        backup = Path(str(arguments["backup"]))
        service = forward_recipe(context.plan.service)
        scan_dump(backup, service)
        require_alone(context, "The database is as it was found; the service is stopped.")
        url = database_url(context)
        context.secrets.register(str(url.password) if url.password else None)
        context.progress(f"restoring {backup.stat().st_size:,} bytes")
        if backend_of(url) == "sqlite":
            _put_back_file(backup, Path(str(url.database)))
        else:
            _put_back_dump(context, backup, url)
        before = Census.from_json(Path(str(arguments["census"])).read_text(encoding="utf-8"))
        engine = read_only(url)
        try:
            found = position(observe_schema(engine, service), service, series_list())
            result = compare(before, Path(str(arguments["rows_file"])), engine, service, ())
        finally:
            engine.dispose()
        if str(arguments["series"]) not in found.series or result.differences:
            raise DataLost(
                "The restored database is not what it was.",
                evidence="\n".join(
                    [f"{found.state.as_data()}", *(str(difference) for difference in result.differences[:SHOWN])]
                ),
                state="The service is stopped.",
                next_command=f"onward runs resume {context.run_id}",
            )
        return {
            "backup": str(backup),
            "tables": len(result.after.tables),
            "rows": result.after.rows,
            "seconds": round(time.monotonic() - began, 3),
        }


def _put_back_file(backup: Path, target: Path) -> None:
    """Write every page of the backup into the file, in one transaction; its owner and mode stay."""
    with (
        closing(sqlite3.connect(f"file:{backup}?mode=ro", uri=True)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def _put_back_dump(context: StepContext, backup: Path, url: URL) -> None:
    engine = read_only(url)
    try:
        tables = inspect(engine).get_table_names()
    finally:
        engine.dispose()
    # What a later release has added is in no backup: all tables go, and the database itself stays, with its defaults.
    removal = "SET FOREIGN_KEY_CHECKS = 0;\n" + "".join(f"DROP TABLE `{table}`;\n" for table in tables)
    try:
        load(io.BytesIO(removal.encode()), url)
        with backup.open("rb") as stream:
            load(stream, url)
    except DumpLoadFailed as error:
        raise StepFailed(
            "The database server did not accept the backup.",
            evidence=error.evidence,
            state="The database is incomplete, and the service is stopped.",
            next_command=f"onward runs resume {context.run_id}",
        ) from None
