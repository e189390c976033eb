"""What Onward itself must know before it can take services anywhere: where they are, and whether there is a way."""

from collections.abc import Iterator

from onward.catalog.load import recipe, services
from onward.catalog.series import Series
from onward.catalog.service import ForwardRecipe
from onward.checks.finding import Finding, finding_of, unclear
from onward.checks.readiness import Readiness
from onward.errors import OnwardError, SourceSeriesUnclear
from onward.observe.database import shown, writable
from onward.plan.forward import EnvironmentChoice
from onward.survey.checks.check import Check
from onward.survey.checks.context import NO_DATABASE, CheckContext
from onward.survey.environments import choose_environments
from onward.survey.machine import require_room
from onward.survey.options import EnvironmentWish
from onward.survey.upgrade import BACKUP_FACTOR, require_no_fault


def known_services(context: CheckContext) -> Iterator[Finding]:
    """Whether the catalogue knows all services of the cloud file."""
    if context.cloud is None:
        yield Finding("known services", "not-checked", "there is no cloud file")
        return
    known = set(services())
    strangers = [name for name in context.cloud.services if name not in known]
    for name in strangers:
        yield unclear("known services", "the catalogue has no recipe for it: nothing of it is checked", about=name)
    if not strangers:
        yield Finding("known services", "pass", ", ".join(context.cloud.services))


def schema(context: CheckContext) -> Iterator[Finding]:
    """Which series each database is at, and that nothing is half done."""
    for service in context.services:
        if not isinstance(recipe(service), ForwardRecipe):
            unknown = "what its revisions mean is not in the catalogue"
            why = unknown if recipe(service).connections else NO_DATABASE
            yield Finding("schema", "not-checked", why, about=service)
            continue
        try:
            found = context.found(service)
        except SourceSeriesUnclear as error:
            yield finding_of("schema", error)
        except OnwardError as error:
            yield finding_of("schema", error, "fail")
        else:
            yield Finding("schema", "pass", f"{shown(found.url)} is at {found.series}")


def way(wish: EnvironmentWish | None) -> Check:
    """The check whether there is a way to the target, and whether this machine has what it takes.

    Without a wish the environments of all series have been built already.
    """

    def look(context: CheckContext) -> Iterator[Finding]:
        for service in context.services:
            if isinstance(recipe(service), ForwardRecipe):
                yield from _way_of(context, service, wish)
            else:
                own = "; its releases' own checks are run" if recipe(service).checks else ""
                why = f"Onward does not take it forward{own}"
                yield Finding("path", "not-checked", why, about=service)

    return Check("way", look, only_to_move=True, each_service=True)


def _way_of(context: CheckContext, service: str, wish: EnvironmentWish | None) -> Iterator[Finding]:
    try:
        found = context.found(service)
    except OnwardError:
        # The schema's check says why.
        yield unclear("path", f"it is not known where {service} is")
        return
    readiness = Readiness()
    path = readiness.look("path", lambda: context.path(service), _listed)
    if path is not None:
        ahead = path[1:]
        readiness.look("accepts writes", lambda: writable(found.url))
        readiness.look("known faults", lambda: require_no_fault(context.entry(service), service, ahead))
        choices: dict[str, EnvironmentChoice] | None = {}
        if wish is not None:
            choices = readiness.look(
                "interpreters and constraints",
                lambda: choose_environments(context.directories, service, ahead, context.interpreters(), wish),
                _interpreters,
            )
        if choices is not None:
            needed = found.bytes * BACKUP_FACTOR
            readiness.look("room", lambda: require_room(context.directories, service, choices, needed))
    yield from readiness.findings


def _listed(path: tuple[Series, ...]) -> str:
    return " -> ".join(series.id for series in path)


def _interpreters(choices: dict[str, EnvironmentChoice]) -> str:
    versions = dict.fromkeys(choice.python_version for choice in choices.values())
    return f"Python {', '.join(versions)} for {len(choices)} series"
