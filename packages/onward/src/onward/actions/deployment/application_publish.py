"""Wait until an application can be reached through its load balancer, on every network."""

from pydantic import TypeAdapter

from onward.actions.waiting import wait_until
from onward.engine.action import Evidence, StepContext
from onward.observe.listening import greets, status_of

SECONDS = 120.0


class PublishApplication:
    """``application.publish``: nobody is told of it before it answers there.

    Arguments: ``urls``, and ``servers``: what each says first, by ADDRESS:PORT. Evidence: the status of each.
    """

    name = "application.publish"

    def apply(self, context: StepContext) -> Evidence:
        """Ask until all answer. Raises UnitNotReady."""
        urls = TypeAdapter(list[str]).validate_python(context.step.arguments["urls"])
        servers = TypeAdapter(dict[str, str]).validate_python(context.step.arguments.get("servers", {}))
        found = wait_until(
            context,
            lambda: {
                **{url: status_of(url) for url in urls},
                **{where: 200 if greets(where, word) else "no greeting" for where, word in servers.items()},
            },
            lambda seen: all(isinstance(status, int) and status < 500 for status in seen.values()),
            seconds=SECONDS,
            stopped=f"Stopped while {context.step.target} was waited for.",
            failed=f"{context.step.target} cannot be reached through its load balancer.",
        )
        return {"statuses": dict(found)}
