"""Reads the table where a service's processes say that they live. Only reads."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from sqlalchemy import Engine, column, false, func, literal_column, null, select, table, text
from sqlalchemy.exc import SQLAlchemyError

from onward.catalog.heartbeats import Heartbeats, ListedByApi
from onward.errors import ApiUnavailable
from onward.model.heartbeats import Reporter, Reporters
from onward.observe.cloud_api import CloudApi

_AS_ADMIN = "ask with the role admin, or where the database can be read"
_NOW = {
    # The services write times in UTC, whatever the server's time zone is.
    "sqlite": "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')",
    "mysql": "SELECT UTC_TIMESTAMP(6)",
}


def observe_reporters(engine: Engine, facts: Heartbeats, limit_seconds: float, place: str = "") -> Reporters:
    """All rows that are not deleted. A table that cannot be read is a ``failure``; nothing is raised.

    ``limit_seconds`` counts where the rows have no interval of their own.
    """
    try:
        with engine.connect() as connection:
            now = _moment(connection.execute(text(_NOW[engine.dialect.name])).scalar())
            rows = tuple(
                _reporter(row, facts, now, limit_seconds) for row in connection.execute(_query(facts)).mappings()
            )
    except SQLAlchemyError as error:
        original = getattr(error, "orig", None) or error
        return Reporters(place, failure=f"table {facts.table}: {type(original).__name__}: {original}")
    return Reporters(place, rows)


def observe_reporters_by_api(api: CloudApi, url: str, facts: Heartbeats, listed: ListedByApi) -> Reporters:
    """The same as the service's API lists it. What it refuses is a ``failure``; nothing is raised.

    How late a process may be is not known from outside: the default of the release counts.
    """
    try:
        answer = api.get(url.rstrip("/") + listed.path, headers=listed.headers)
        if not answer.ok:
            return Reporters("", failure=f"its API answers {answer.status_code} to {listed.path}", way_out=_AS_ADMIN)
        said = parsedate_to_datetime(answer.headers["Date"]) if "Date" in answer.headers else datetime.now(UTC)
        return Reporters("", reporters_of(answer.json()[listed.key], facts, listed, said))
    except (ApiUnavailable, ValueError, KeyError, TypeError) as error:
        return Reporters("", failure=f"{listed.path} of its API: {type(error).__name__}: {error}", way_out=_AS_ADMIN)


def reporters_of(
    entries: Sequence[Mapping[str, Any]], facts: Heartbeats, listed: ListedByApi, now: datetime
) -> tuple[Reporter, ...]:
    """The processes that an API lists, at the time that it says it is. Raises KeyError, ValueError."""
    key, value = listed.disabled
    return tuple(
        Reporter(
            kind=str(each[listed.kind]),
            host=str(each[listed.host]),
            identifier=str(each[listed.identifier]),
            age_seconds=None if (seen := _moment(each[listed.seen])) is None else (now - seen).total_seconds(),
            limit_seconds=facts.seconds * facts.times,
            disabled=str(each.get(key)) == value,
            reason=str(each.get(listed.reason) or "") if listed.reason else "",
            forced_down=bool(each.get(listed.forced_down)) if listed.forced_down else False,
            zone=str(each.get(listed.zone) or "") if listed.zone else "",
        )
        for each in entries
        if str(each[listed.kind]) not in facts.silent
    )


def _query(facts: Heartbeats) -> Any:
    columns: list[Any] = [column(name).label(label) for label, name in facts.columns.items()]
    columns += [
        func.coalesce(*map(column, facts.seen), null()).label("seen"),
        (literal_column(facts.disabled) if facts.disabled else false()).label("disabled"),
        (column(facts.forced_down) if facts.forced_down else false()).label("forced_down"),
        *(column(name).label(f"version_{number}") for number, name in enumerate(facts.versions)),
    ]
    query = select(*columns).select_from(table(facts.table))
    if facts.there:
        query = query.where(text(facts.there))
    return query.where(column(facts.kind).not_in(facts.silent)) if facts.silent else query


def _reporter(row: Mapping[Any, Any], facts: Heartbeats, now: datetime | None, limit_seconds: float) -> Reporter:
    seen = _moment(row["seen"])
    limit = limit_seconds if facts.interval is None else float(row["interval"]) * facts.times
    return Reporter(
        kind=str(row["kind"]),
        host=str(row["host"]),
        identifier=str(row["identifier"]),
        age_seconds=None if seen is None or now is None else (now - seen).total_seconds(),
        limit_seconds=limit,
        disabled=bool(row["disabled"]),
        reason=str(row.get("reason") or ""),
        forced_down=bool(row["forced_down"]),
        versions=tuple(str(row[f"version_{number}"] or "") for number in range(len(facts.versions))),
    )


def _moment(value: object) -> datetime | None:
    """A time of the database's, in UTC; SQLite has text."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else None
