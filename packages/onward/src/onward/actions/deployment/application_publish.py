"""Wait until an application can be reached through its load balancer, on every network."""

from urllib.parse import urljoin

from pydantic import TypeAdapter

from onward.actions.deployment.noted import store_of
from onward.actions.waiting import wait_until
from onward.engine.action import Evidence, StepContext
from onward.hosts.state import Directories
from onward.model.api_version import ApiVersion
from onward.observe.api_versions import api_versions
from onward.observe.listening import greets, status_of
from onward.plan.deployment.api_versions import changed

SECONDS = 120.0


class PublishApplication:
    """``application.publish``: nobody is told of it before it answers there.

    Arguments: ``urls``, and ``servers``: what each says first, by ADDRESS:PORT. Evidence: the status of each;
    ``versions`` of the API, and ``deployed_with``: those that it had when it answered for the first time.
    """

    name = "application.publish"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

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
        versions = api_versions(urljoin(urls[0], "/")) if urls else []
        before = self._deployed_with(context)
        if before is not None and (what := changed(before, versions)):
            context.progress(f"{context.step.target}: {what}")
        return {
            "statuses": dict(found),
            "versions": [each.model_dump() for each in versions],
            "deployed_with": [each.model_dump() for each in (versions if before is None else before)],
        }

    def _deployed_with(self, context: StepContext) -> list[ApiVersion] | None:
        """What is remembered of the first time."""
        noted = store_of(self._directories, context).noted(context.step.id).get("evidence", {})
        first = noted.get("deployed_with")
        return None if first is None else TypeAdapter(list[ApiVersion]).validate_python(first)
