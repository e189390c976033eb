"""Keep the databases of a deployed service as they are before they are taken to another release."""

import time

from pydantic import TypeAdapter
from sqlalchemy import URL

from onward.actions.deployment import store_of
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.hosts.mariadb_client import save_dump
from onward.hosts.state import Directories
from onward.plan.step import Frozen


class _Database(Frozen):
    """A database, and as whom it is read."""

    database: str
    user: str
    secret: str
    host: str
    port: int


class BackUpModel:
    """``model.backup``: a consistent dump of each database, in the run's directory.

    Arguments: ``databases``, ``series`` that they are at. Evidence: ``backups`` with path and bytes, ``seconds``. A
    dump that is finished appears by renaming, and is never written again: a repeated attempt may come after a
    migration.
    """

    name = "model.backup"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Dump what is not dumped yet. Raises StepFailed."""
        began = time.monotonic()
        secrets = store_of(self._directories, context).secrets()
        directory = context.workspace / "backup"
        directory.mkdir(exist_ok=True, mode=0o700)
        found = []
        for each in TypeAdapter(tuple[_Database, ...]).validate_python(context.step.arguments["databases"]):
            target = directory / f"{each.database}-{context.step.arguments['series']}.sql"
            if not target.exists():
                context.progress(f"keeping {each.database}")
                url = URL.create("mysql+pymysql", each.user, secrets[each.secret], each.host, each.port, each.database)
                save_dump(url, target)
                crash_point("model.dumped")
            found.append({"database": each.database, "backup": str(target), "bytes": target.stat().st_size})
        return {"backups": found, "seconds": round(time.monotonic() - began, 3)}
