"""The gate before an offline migration: nobody else may be connected to the database."""

import time

from onward.actions.configure_service import database_url
from onward.engine.action import Evidence, StepContext
from onward.errors import DatabaseReadOnly, ServiceStillRunning
from onward.observe.database import writable
from onward.observe.sessions import Sessions, other_sessions

PATIENCE_SECONDS = 15.0
"""How long a service that was just told to stop may take to close its connections."""
SHOWN = 20


class ServiceStopped:
    """``service.stopped``: refuse to go on while others use the service's database, or while it takes no writes.

    Arguments: ``service``. Evidence: ``connections``, always 0; ``notes``, on what could not be seen. On SQLite the
    processes that hold the file open are counted, on MariaDB and MySQL the connections that use the schema.
    """

    name = "service.stopped"

    def apply(self, context: StepContext) -> Evidence:
        """Look until nobody is connected, or patience ends. Raises ServiceStillRunning, DatabaseReadOnly."""
        state = "Nothing was migrated; units that were stopped by this run are still stopped."
        try:
            writable(database_url(context))
        except DatabaseReadOnly as error:
            error.state = state
            error.next_command = f"make it accept writes, then: onward runs resume {context.run_id}"
            raise
        seen = require_alone(context, state)
        return {"connections": 0, "notes": [seen.unseen] if seen.unseen else []}


def require_alone(context: StepContext, state: str) -> Sessions:
    """Wait until nobody else uses the database. Raises ServiceStillRunning with ``state`` when patience ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (seen := other_sessions(database_url(context))).others:
        if time.monotonic() > deadline or context.cancelled():
            raise ServiceStillRunning(
                f"The database of {context.plan.service} is still in use: others are connected ({len(seen.others)}).",
                evidence="\n".join(seen.others[:SHOWN]),
                state=state,
                next_command=f"stop them, then: onward runs resume {context.run_id}",
            )
        time.sleep(0.25)
    return seen
