"""Keep the database as it is before it is migrated in place."""

import time
from pathlib import Path

from onward.actions.configure_service import database_url
from onward.catalog.load import forward_recipe
from onward.engine.action import Evidence, StepContext
from onward.errors import StepFailed
from onward.hosts.mariadb_client import save_dump
from onward.hosts.scratch import copy_sqlite
from onward.observe.database import backend_of
from onward.observe.dump import scan_dump


class BackupDatabase:
    """``database.backup``: a consistent dump (MariaDB, MySQL) or copy (SQLite) in the run's directory, read back whole.

    Arguments: ``service``. Evidence: ``backup`` (path), ``bytes``, ``tables``, ``seconds``. A finished backup appears
    by renaming; once it is there it is never written again, because a repeated attempt may come after a migration.
    """

    name = "database.backup"

    def apply(self, context: StepContext) -> Evidence:
        """Make it and read it. Raises DatabaseUnreachable, DumpTruncated, StepFailed."""
        began = time.monotonic()
        url = database_url(context)
        context.secrets.register(str(url.password) if url.password else None)
        directory = context.workspace / "backup"
        directory.mkdir(exist_ok=True, mode=0o700)
        sqlite = backend_of(url) == "sqlite"
        target = directory / f"{context.plan.service}-{context.plan.source}.{'sqlite' if sqlite else 'sql'}"
        if not target.exists():
            if sqlite:
                copy_sqlite(Path(str(url.database)), target)
            else:
                save_dump(url, target)
            target.chmod(0o600)
        facts = scan_dump(target, forward_recipe(context.plan.service))
        if not facts.schema.alembic and not facts.schema.migrate:
            raise StepFailed(
                "The backup does not hold the schema's revision.",
                evidence=str(target),
                state="Nothing was migrated.",
                next_command=f"onward runs resume {context.run_id}",
            )
        return {
            "backup": str(target),
            "bytes": target.stat().st_size,
            "tables": facts.schema.tables,
            "seconds": round(time.monotonic() - began, 3),
        }
