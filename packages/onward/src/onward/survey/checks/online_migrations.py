"""Whether a release has moved all the data that it moves while it runs, before the next one takes that for granted."""

from collections.abc import Iterator

from onward.catalog.load import in_force, recipe
from onward.catalog.online_migrations import OnlineMigration
from onward.checks.finding import Finding
from onward.checks.online_migrations import ONLINE, online_findings
from onward.model.online_migrations import Left
from onward.observe.online_migrations import count_left
from onward.survey.checks.check import Check
from onward.survey.checks.context import CheckContext
from onward.survey.checks.service_databases import ServiceDatabase, api_database, service_databases

_SECONDS = 180.0
"""Some tables have a row for every instance that there ever was."""


def online_migrations(context: CheckContext) -> Iterator[Finding]:
    """The check, for one service. Raises what CheckContext.source raises."""
    service = context.services[0]
    known = recipe(service).online_migrations
    if known is None:
        yield Finding(ONLINE, "not-checked", "it has none")
        return
    series = context.source(service)
    left = list(_left(context, service, in_force(known.functions, series.id)))
    yield from online_findings(f"{service} {series.id}", left, known.command, moves=context.target is not None)


CHECK = Check(ONLINE, online_migrations, each_service=True, timeout_seconds=_SECONDS)


def _left(context: CheckContext, service: str, functions: tuple[OnlineMigration, ...]) -> Iterator[Left]:
    own = [function for function in functions if function.database == "own"]
    for database in service_databases(context, service):
        yield from _in(database, own)
    of_api = [function for function in functions if function.database == "api"]
    if of_api and (api := api_database(context, service)) is not None:
        yield from _in(api, of_api)


def _in(database: ServiceDatabase, functions: list[OnlineMigration]) -> Iterator[Left]:
    if database.engine is not None:
        yield from count_left(database.engine, functions, database.place)
    elif functions:
        yield Left(f"{len(functions)} functions", "rows to be moved", database.place, failure=database.failure)
