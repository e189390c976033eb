"""Finds and looks at the database that is to be taken forward. It is only read."""

import os
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from onward.actions.copy_database import SOURCE_PASSWORD
from onward.catalog.load import forward_recipe, recipe, series_list
from onward.errors import DatabaseUnreachable, PasswordOnCommandLine
from onward.observe.configuration import read_configuration
from onward.observe.database import READ_SECONDS, database_bytes, database_url, read_only
from onward.observe.revision import SchemaState, observe_schema, position, require_series


@dataclass(frozen=True)
class DatabaseFound:
    """A database, and where it stands."""

    url: URL
    configuration: tuple[str, ...]
    """The files that named it, where it was not named itself."""
    schema: SchemaState
    series: str
    bytes: int


def named_database(words: str, service: str) -> tuple[URL, tuple[str, ...]]:
    """The database that ``config:FILE`` or a URL names, with the configuration files it was read from.

    The password of a URL is taken from the environment. Raises PasswordOnCommandLine, UnreadableConfig,
    DatabaseUnreachable for what is no URL.
    """
    if words.startswith("config:"):
        paths = [Path(word).absolute() for word in words.removeprefix("config:").split(",")]
        return read_configuration(paths, recipe(service)).database_url, tuple(str(path) for path in paths)
    return checked_url(words, SOURCE_PASSWORD), ()


def checked_url(words: str, password_variable: str) -> URL:
    """A database URL from the command line, with the password that the environment has for it.

    Raises PasswordOnCommandLine, DatabaseUnreachable.
    """
    try:
        url = database_url(words)
    except ValueError as error:
        raise DatabaseUnreachable(
            f"What was given {error}.",
            evidence="expected something like mysql+pymysql://USER@HOST/DATABASE, or config:FILE",
        ) from None
    if url.password is not None:
        raise PasswordOnCommandLine(
            "The URL has a password in it, which every user of this machine can read.",
            next_command=f"{password_variable}=... onward ... {url._replace(password=None).render_as_string()}",
        )
    password = os.environ.get(password_variable)
    return url.set(password=password) if password else url


def look_at(url: URL, configuration: tuple[str, ...], service: str, said: str | None) -> DatabaseFound:
    """Connect, read the schema's revision, and say which series the database is at.

    Raises DatabaseUnreachable, HalfMigrated, UnknownRevision, SourceSeriesUnclear, DatabaseAhead.
    """
    known = forward_recipe(service)
    engine = read_only(url, READ_SECONDS)
    try:
        schema = observe_schema(engine, known)
        size = database_bytes(engine)
    finally:
        engine.dispose()
    return DatabaseFound(url, configuration, schema, series_at(schema, service, said), size)


def series_at(schema: SchemaState, service: str, said: str | None) -> str:
    """Identifier of the series a schema belongs to; ``said`` decides where several would fit."""
    chosen = series_list().find(said).id if said is not None else None
    return require_series(position(schema, forward_recipe(service), series_list()), chosen, series_list())
