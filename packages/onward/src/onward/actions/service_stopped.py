"""The gate before an offline migration: nobody else may be connected to the database."""

import time
from pathlib import Path

from sqlalchemy import URL, Engine, text

from onward.actions.configure_service import database_url
from onward.engine.action import Evidence, StepContext
from onward.errors import ServiceStillRunning
from onward.observe.database import read_only

PATIENCE_SECONDS = 15.0
"""How long a service that was just told to stop may take to close its connections."""


class ServiceStopped:
    """``service.stopped``: refuse to go on while others are connected to the service's database.

    Arguments: ``service``. Evidence: ``connections``, always 0. On SQLite the processes that hold the file
    open are counted, on MariaDB and MySQL the connections that use the schema.
    """

    name = "service.stopped"

    def apply(self, context: StepContext) -> Evidence:
        """Look until nobody is connected, or patience ends."""
        url = database_url(context)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while others := _others(url):
            if time.monotonic() > deadline or context.cancelled():
                raise ServiceStillRunning(
                    f"{len(others)} connections to the database of {context.plan.service} are still open.",
                    evidence="\n".join(others[:20]),
                    state="Nothing was migrated; units that were stopped by this run are still stopped.",
                    next_command=f"stop them, then: onward runs resume {context.run_id}",
                )
            time.sleep(0.25)
        return {"connections": 0}


def _others(url: URL) -> list[str]:
    """Who else uses the database, one line each."""
    if url.get_backend_name() == "sqlite":
        return _holders(Path(str(url.database)))
    engine = read_only(url)
    try:
        return _sessions(engine, str(url.database))
    finally:
        engine.dispose()


def _sessions(engine: Engine, database: str) -> list[str]:
    query = text(
        "SELECT id, user, host, command FROM information_schema.processlist WHERE db = :database"
        " AND id <> CONNECTION_ID()"
    )
    with engine.connect() as connection:
        rows = connection.execute(query, {"database": database}).all()
    return [f"connection {row.id}: {row.user}@{row.host} {row.command}" for row in rows]


def _holders(file: Path) -> list[str]:
    """Processes that have the file open, as far as this user may see."""
    wanted = str(file.resolve())
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            open_files = [str(link.readlink()) for link in (process / "fd").iterdir()]
            if wanted in open_files:
                words = (process / "comm").read_text().strip()
                found.append(f"process {process.name}: {words}")
        except OSError:
            continue  # it ended meanwhile, or belongs to somebody else
    return found
