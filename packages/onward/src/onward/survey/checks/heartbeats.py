"""Whether the processes of a service that report to its database do so, and those that no longer do were removed."""

from collections.abc import Iterator

from onward.catalog.heartbeats import Heartbeats
from onward.catalog.load import recipe
from onward.checks.finding import Finding
from onward.checks.heartbeats import REPORTING, Least, reporter_findings
from onward.model.heartbeats import Reporters
from onward.observe.heartbeats import observe_reporters
from onward.survey.checks.check import Check
from onward.survey.checks.context import CheckContext
from onward.survey.checks.service_databases import service_databases

_SECONDS = 90.0
"""Enough for a cell that does not answer, and the others after it."""


def heartbeats(context: CheckContext) -> Iterator[Finding]:
    """The check, for one service."""
    service = context.services[0]
    facts = recipe(service).heartbeats
    if facts is None:
        yield Finding(REPORTING, "not-checked", "its processes do not report to its database")
        return
    seen = list(_seen(context, service, facts))
    yield from reporter_findings(service, seen, facts.remove, _least(context, service, facts), once=facts.once)


CHECK = Check("heartbeats", heartbeats, each_service=True, timeout_seconds=_SECONDS)


def _seen(context: CheckContext, service: str, facts: Heartbeats) -> Iterator[Reporters]:
    limit = _seconds(context, service, facts)
    for database in service_databases(context, service):
        if database.engine is None:
            yield Reporters(database.place, failure=database.failure, way_out=database.way_out)
        else:
            yield observe_reporters(database.engine, facts, limit, database.place)


def _seconds(context: CheckContext, service: str, facts: Heartbeats) -> float:
    set_to = context.settings(service).text(*facts.option) if facts.option is not None else None
    try:
        return float(set_to) * facts.times if set_to else facts.seconds * facts.times
    except ValueError:
        return facts.seconds * facts.times  # The check of the options says that it is no number.


def _least(context: CheckContext, service: str, facts: Heartbeats) -> Least | None:
    """What the target wants of the processes that are there; None where it says nothing of that, or there is none."""
    if context.target is None or facts.oldest_of is None or facts.oldest_ignored is None:
        return None
    version = next((each.version for each in facts.oldest if each.series == context.target.id), None)
    if version is None:
        return None
    return Least(context.target.id, version, facts.oldest_of, old_ones_ignored(context, service), ignoring(facts))


def old_ones_ignored(context: CheckContext, service: str) -> bool:
    """Whether the service is told to start although other processes are too old for its release."""
    facts = recipe(service).heartbeats
    if facts is None or facts.oldest_ignored is None:
        return False
    return (context.settings(service).text(*facts.oldest_ignored) or "").lower() in ("1", "true", "yes", "on")


def ignoring(facts: Heartbeats) -> str:
    """What tells it so, as people write it."""
    group, name = facts.oldest_ignored or ("", "")
    return f"[{group}] {name} = true"
