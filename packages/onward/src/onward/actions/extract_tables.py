"""Give a service a database of its own: the tables that were part of another one's."""

import time
from typing import Any

from onward.actions.copied import Copied
from onward.actions.lane import service_of
from onward.actions.release_commands import run_to_the_end
from onward.actions.scratch import scratch_for
from onward.catalog.load import recipe
from onward.catalog.migrations import migration_commands
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import StepFailed
from onward.hosts.mariadb_client import dump, load
from onward.hosts.scratch import MariadbScratch


class ExtractTables:
    """``tables.extract``: the tables as they are, into an empty database of the service's own.

    Arguments: ``service``, ``database`` that they are in, ``tables``. Evidence: ``bytes``, ``seconds``, and
    ``databases`` as ``scratch.copy`` has them. Repeated, it begins with an empty database.
    """

    name = "tables.extract"

    def apply(self, context: StepContext) -> Evidence:
        """Copy them. Raises DatabaseUnreachable, DumpLoadFailed, StepFailed."""
        began, arguments = time.monotonic(), context.step.arguments
        known = recipe(service_of(context))
        scratch = scratch_for(context)
        if not isinstance(scratch, MariadbScratch):
            raise StepFailed(f"The tables of {known.service} can be taken out of MariaDB alone.")
        tables: Any = arguments["tables"]
        scratch.empty()
        with dump(scratch.beside(str(arguments["database"])), tables) as stream:
            crash_point("extract.dump-begun")
            taken = load(stream, scratch.url)
        own = Copied(name=known.service, options=(known.connections[0],))
        return {
            "bytes": taken,
            "seconds": round(time.monotonic() - began, 3),
            "databases": [own.model_dump(mode="json")],
        }


class TakeOverTables:
    """``tables.take-over``: have the first release with a database of its own take over the tables it is given.

    Arguments: ``service``, ``series``. It is told at which revision they are, and completes what later releases refuse.
    Evidence: ``commands`` as ``database.migrate`` has them. All of it may be run again.
    """

    name = "tables.take-over"

    def apply(self, context: StepContext) -> Evidence:
        """Run its commands. Raises MigrationFailed, RunnerDied."""
        series = str(context.step.arguments["series"])
        known = recipe(service_of(context))
        stamp = [known.extraction.stamp] if known.extraction is not None else []
        return {"commands": run_to_the_end(context, series, (*stamp, *migration_commands(known)))}
