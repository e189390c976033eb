"""What a rehearsal of several services of a cloud, or of a model, is computed from."""

from pathlib import Path

from onward.catalog.load import in_force, recipe, series_list
from onward.catalog.migrations import finishing_commands, schema_charm, waits
from onward.catalog.series import Series
from onward.catalog.service import ForwardRecipe
from onward.errors import InvalidCloudFile, ServiceNotMoved, SourceSeriesUnclear, TargetNotAhead
from onward.hosts.interpreters import find_interpreters
from onward.hosts.state import Directories
from onward.model.cloud import Cloud
from onward.observe.configured_databases import configured_databases
from onward.observe.database import READ_SECONDS, database_bytes, read_only, shown
from onward.plan.cloud_rehearsal import CloudRehearsalWish, LaneWish, plan_cloud_rehearsal
from onward.plan.plan import Plan
from onward.survey.database import look_at, named_database
from onward.survey.environments import choose_environments
from onward.survey.machine import require_room, require_tools
from onward.survey.options import EnvironmentWish

COPY_FACTOR = 3
"""A migration may hold a table twice, and its checkpoint once more."""


def rehearsable(cloud: Cloud) -> tuple[str, ...]:
    """Services of a cloud that have databases which Onward knows how to take further."""
    return tuple(
        name
        for name in cloud.services
        if recipe(name).connections and (isinstance(recipe(name), ForwardRecipe) or schema_charm(name) is not None)
    )


def survey_cloud_rehearsal(
    directories: Directories,
    cloud: Cloud,
    services: tuple[str, ...],
    *,
    source: str | None,
    target: str | None,
    slurp: bool,
    environments: EnvironmentWish,
    keep: bool,
    facts: dict[str, str],
) -> Plan:
    """The plan of rehearsing these services of the cloud, or of the model. The databases are only looked at.

    Raises a Refused error for bad input; TargetNotAhead where all are at the target already.
    """
    require_tools("mariadb", copying=True)
    interpreters = find_interpreters()
    lanes, there, databases, size = [], dict[str, str](), dict[str, str](), 0
    for service in services:
        entry, known = cloud.service(service), recipe(service)
        began, found_bytes, shown_as = _look(entry.configuration, service, source or entry.series)
        databases[service] = shown_as
        path = _path(began, target, slurp=slurp)
        if len(path) < 2:
            there[service] = began
            continue
        asked = isinstance(known, ForwardRecipe)
        finishes = bool(in_force(finishing_commands(known), began))
        used = path if asked or finishes else path[1:]
        choices = choose_environments(directories, service, used, interpreters, environments)
        size += found_bytes
        require_room(directories, service, choices, size * COPY_FACTOR)
        lanes.append(
            LaneWish(
                service=service,
                path=tuple(series.id for series in path),
                configuration=tuple(str(Path(file).absolute()) for file in entry.configuration),
                environments=choices,
                asked=asked,
                finishes=finishes,
                waits=waits(known, path[-1].id),
            )
        )
    if not lanes:
        raise TargetNotAhead(
            f"There is nothing to rehearse: no service of {cloud.cloud} is behind the target.",
            evidence="\n".join(f"{name} is at {series}" for name, series in there.items()),
            next_command="onward series list",
        )
    return plan_cloud_rehearsal(
        CloudRehearsalWish(
            cloud=cloud.cloud,
            lanes=tuple(lanes),
            facts={**facts, "databases": dict(databases), **({"already there": dict(there)} if there else {})},
            parallel=environments.parallel,
            keep=keep,
        )
    )


def _look(configuration: tuple[str, ...], service: str, said: str | None) -> tuple[str, int, str]:
    """At which series a service's databases are, how large they are, and where. Raises a Refused error."""
    known = recipe(service)
    files = [Path(file).absolute() for file in configuration]
    if isinstance(known, ForwardRecipe):
        url, named = named_database("config:" + ",".join(map(str, files)), service)
        found = look_at(url, named, service, said)
        _require_mysql(service, url.get_backend_name())
        return found.series, found.bytes, shown(url)
    if schema_charm(service) is None:
        raise ServiceNotMoved(
            f"Onward does not know how to take {service} forward.", next_command="onward rehearse --service keystone"
        )
    if said is None:
        raise SourceSeriesUnclear(
            f"At which series {service} is, its databases do not say.",
            evidence=f"the cloud file has no services.{service}.series",
            next_command=f"write services.{service}.series into the cloud file, or say --from SERIES",
        )
    size, places = 0, []
    for each in configured_databases(files, known):
        _require_mysql(service, each.url.get_backend_name())
        engine = read_only(each.url, READ_SECONDS)
        try:
            size += database_bytes(engine)
        finally:
            engine.dispose()
        places.append(shown(each.url))
    return series_list().find(said).id, size, ", ".join(places)


def _require_mysql(service: str, backend: str) -> None:
    if backend == "sqlite":
        raise InvalidCloudFile(
            f"{service} is on SQLite, which is rehearsed for Keystone alone.",
            next_command="onward rehearse --service keystone",
        )


def _path(source: str, target: str | None, *, slurp: bool) -> tuple[Series, ...]:
    known = series_list()
    newest = next(each.id for each in reversed(list(known)) if each.slurp or not slurp)
    end = known.find(target).id if target is not None else newest
    if known.position(source) >= known.position(end):
        return ()
    return known.path(source, end, slurp=slurp)
