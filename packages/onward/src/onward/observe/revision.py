"""Which series a database is really at, read off the tables of its migration tools."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import Engine, inspect, text

from onward.catalog.series import SeriesList
from onward.catalog.service import ForwardRecipe, History, Revision
from onward.errors import DatabaseAhead, DumpOfAnotherService, HalfMigrated, SourceSeriesUnclear, UnknownRevision

ALEMBIC_TABLE = "alembic_version"
MIGRATE_TABLE = "migrate_version"


@dataclass(frozen=True)
class SchemaState:
    """What a database says of itself."""

    alembic: tuple[str, ...]
    """Heads in alembic_version, sorted."""
    migrate: tuple[tuple[str, int], ...]
    """Rows of migrate_version (sqlalchemy-migrate): repository and version, sorted."""
    missing: tuple[str, ...] = ()
    """Tables that every release of the service has, and this database has not."""
    tables: int = 0

    def as_data(self) -> dict[str, Any]:
        """The state as JSON data, for a plan's facts."""
        return {"alembic": list(self.alembic), "migrate": dict(self.migrate)}


@dataclass(frozen=True)
class SchemaPosition:
    """What a state means."""

    state: SchemaState
    series: tuple[str, ...] = ()
    """Identifiers of all series that leave a database like this; empty when none does."""
    half_migrated_by: str | None = None
    """The first series that could have begun what is unfinished."""
    to_finish: str = ""
    """The commands of that series that finish it."""


def observe_schema(engine: Engine, recipe: ForwardRecipe) -> SchemaState:
    """Read the revisions. Nothing but names and the migration tools' own tables is looked at."""
    tables = set(inspect(engine).get_table_names())
    alembic: list[str] = []
    migrate: list[tuple[str, int]] = []
    with engine.connect() as connection:
        if ALEMBIC_TABLE in tables:
            alembic = [str(row[0]) for row in connection.execute(text("SELECT version_num FROM alembic_version"))]
        if MIGRATE_TABLE in tables:
            rows = connection.execute(text("SELECT repository_id, version FROM migrate_version"))
            migrate = [(str(row[0]), int(row[1])) for row in rows]
    missing = tuple(table for table in recipe.database.signature if table not in tables)
    return SchemaState(tuple(sorted(alembic)), tuple(sorted(migrate)), missing, len(tables))


def position(state: SchemaState, recipe: ForwardRecipe, series_list: SeriesList) -> SchemaPosition:
    """What the state means. Pure.

    Where alembic has heads, migrate_version is a relic of the database's past and is not looked at.
    """
    ordered = sorted(recipe.database.revisions, key=lambda revision: series_list.position(revision.series))
    if state.alembic:
        fitting = [each for each in ordered if each.expand and {each.expand, each.contract} == set(state.alembic)]
        half = None if fitting else _half_by_alembic(state, recipe.database.history, ordered)
    else:
        versions = dict(state.migrate)
        fitting = [each for each in ordered if each.migrate and each.migrate.items() <= versions.items()]
        half = None if fitting else _half_by_migrate(versions, ordered)
    to_finish = _online_phases(recipe, half, series_list) if half is not None else ""
    return SchemaPosition(state, tuple(revision.series for revision in fitting), half, to_finish)


def require_series(found: SchemaPosition, said: str | None, series_list: SeriesList) -> str:
    """The series to start from: what the database shows, and what was said where that leaves a choice. Pure.

    Raises DumpOfAnotherService, HalfMigrated, UnknownRevision, DatabaseAhead, SourceSeriesUnclear.
    """
    shows = _words(found.state)
    if found.state.missing:
        raise DumpOfAnotherService(
            "This is not the database of the service it was given for.",
            evidence=f"missing tables: {', '.join(found.state.missing)}; it has {found.state.tables} tables",
            next_command="name the service's own: [database] connection in its configuration",
        )
    if found.half_migrated_by is not None:
        raise HalfMigrated(
            "The database is between two releases: an earlier upgrade has begun and is not finished.",
            evidence=f"{shows}; begun by {found.half_migrated_by} or later",
            next_command=f"with the code of {found.half_migrated_by}: {found.to_finish}",
        )
    if not found.series:
        raise UnknownRevision(
            "No known release leaves a database like this.",
            evidence=shows,
            next_command="onward series list",
        )
    if said is None:
        if len(found.series) > 1:
            raise SourceSeriesUnclear(
                f"The database could be at any of {', '.join(found.series)}: their schemas are the same.",
                evidence=shows,
                next_command=_say(found.series),
            )
        return found.series[0]
    if said not in found.series:
        ahead = series_list.position(said) < series_list.position(found.series[0])
        raise (DatabaseAhead if ahead else SourceSeriesUnclear)(
            f"The database is at {' or '.join(found.series)}, not at {said} as was said.",
            evidence=shows,
            next_command=_say(found.series),
        )
    return said


def _say(fitting: tuple[str, ...]) -> str:
    return f"say which release is installed: --from {fitting[-1]}, or series: in the cloud file"


def _half_by_alembic(state: SchemaState, history: History, ordered: list[Revision]) -> str | None:
    """The first series that has all of the heads behind it, when all are known but do not belong together."""
    if not set(state.alembic) <= {*history.expand, *history.contract}:
        return None
    for revision in ordered:
        if revision.expand and revision.contract:
            behind = {
                *history.expand[: history.expand.index(revision.expand) + 1],
                *history.contract[: history.contract.index(revision.contract) + 1],
            }
            if set(state.alembic) <= behind:
                return revision.series
    return None


def _half_by_migrate(versions: dict[str, int], ordered: list[Revision]) -> str | None:
    """The same for sqlalchemy-migrate, where each phase counts in a repository of its own."""
    for earlier, later in pairwise(each.migrate for each in ordered if each.migrate):
        if earlier != later and any(versions.get(name, 0) > number for name, number in earlier.items()):
            begun = [each.series for each in ordered if each.migrate == later]
            within = all(versions.get(name, 0) <= number for name, number in later.items())
            if within and versions.keys() >= later.keys():
                return begun[0]
    return None


def _online_phases(recipe: ForwardRecipe, series: str, series_list: SeriesList) -> str:
    place = series_list.position(series)
    return " && ".join(
        " ".join(command.argv)
        for command in recipe.online
        if (command.since is None or series_list.position(command.since) <= place)
        and (command.until is None or place <= series_list.position(command.until))
    )


def _words(state: SchemaState) -> str:
    if state.alembic:
        return f"alembic_version: {', '.join(state.alembic)}"
    if state.migrate:
        return "migrate_version: " + ", ".join(f"{name} {version}" for name, version in state.migrate)
    return "neither alembic_version nor migrate_version has a row"
