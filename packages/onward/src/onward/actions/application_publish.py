"""Wait until an application can be reached through its load balancer, on every network."""

import time

from pydantic import TypeAdapter

from onward.engine.action import Evidence, StepContext
from onward.errors import StepFailed, UnitNotReady
from onward.observe.listening import status_of

SECONDS = 120.0


class PublishApplication:
    """``application.publish``: nobody is told of it before it answers there. Arguments: ``urls``.

    Evidence: the status of each URL.
    """

    name = "application.publish"

    def apply(self, context: StepContext) -> Evidence:
        """Ask until all answer. Raises UnitNotReady."""
        urls = TypeAdapter(list[str]).validate_python(context.step.arguments["urls"])
        deadline = time.monotonic() + SECONDS
        while True:
            found = {url: status_of(url) for url in urls}
            if all(isinstance(status, int) and status < 500 for status in found.values()):
                return {"statuses": found}
            if context.cancelled():
                raise StepFailed(f"Stopped while {context.step.target} was waited for.")
            if time.monotonic() > deadline:
                raise UnitNotReady(
                    f"{context.step.target} cannot be reached through its load balancer.",
                    evidence="\n".join(f"{url}: {status}" for url, status in found.items()),
                    next_command=f"onward runs resume {context.run_id}",
                )
            time.sleep(0.2)
