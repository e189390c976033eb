"""All databases of a service: its own or, where it has cells, that of each cell."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import URL, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from onward.catalog.load import recipe
from onward.errors import OnwardError
from onward.observe.configured_databases import filled, where
from onward.observe.database import database_url
from onward.survey.checks.context import CheckContext


@dataclass(frozen=True)
class ServiceDatabase:
    """One of them, or why it cannot be read."""

    place: str
    """Its name among several: that of its cell; empty where there is one."""
    engine: Engine | None = None
    failure: str = ""
    way_out: str = ""


def service_databases(context: CheckContext, service: str) -> Iterator[ServiceDatabase]:
    """Each of them once, read-only. Raises UnreadableConfig, CloudFileMissing."""
    own = context.database_url(service)
    known: set[tuple[object, ...]] = set()
    for place, url in _cells(context, service) if recipe(service).cells else ():
        if isinstance(url, ServiceDatabase):
            yield url
        elif where(url) not in known:
            known.add(where(url))
            yield _opened(context, place, url)
    if where(own) not in known:
        yield _opened(context, "" if not known else "[database] connection", own)


def api_database(context: CheckContext, service: str) -> ServiceDatabase | None:
    """The second of its databases; None where the configuration names none. Raises UnreadableConfig."""
    group, name = recipe(service).connections[1]
    written = context.settings(service).text(group, name)
    if not written:
        return None
    try:
        return _opened(context, f"[{group}] {name}", database_url(written))
    except ValueError as error:
        return ServiceDatabase(f"[{group}] {name}", failure=f"what is set there {error}")


def _opened(context: CheckContext, place: str, url: URL) -> ServiceDatabase:
    try:
        return ServiceDatabase(place, context.read_only_at(url))
    except OnwardError as error:
        return ServiceDatabase(place, None, f"{error.code}: {error.what} {error.evidence}", error.next_command)


def _cells(context: CheckContext, service: str) -> Iterator[tuple[str, URL | ServiceDatabase]]:
    """The databases of the cells that the API's lists, by name; where that cannot be told, why."""
    api = api_database(context, service)
    if api is None:
        return  # As in the configuration of a cell.
    if api.engine is None:
        yield api.place, api
        return
    try:
        with api.engine.connect() as connection:
            query = "SELECT name, uuid, database_connection FROM cell_mappings ORDER BY id"
            listed = [
                (str(row.name or row.uuid), str(row.database_connection)) for row in connection.execute(text(query))
            ]
    except SQLAlchemyError as error:
        original = getattr(error, "orig", None) or error
        yield api.place, ServiceDatabase(api.place, failure=f"table cell_mappings: {original}")
        return
    template = context.settings(service).text(*recipe(service).connections[0]) or ""
    for cell, url in listed:
        try:
            yield cell, database_url(filled(url, template))
        except ValueError as error:
            yield cell, ServiceDatabase(cell, failure=f"its database_connection in cell_mappings {error}")
