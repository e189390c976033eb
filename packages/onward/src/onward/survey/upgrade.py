"""Everything the plan of an upgrade in place is computed from. Before it is applied, the same is looked at again."""

from pathlib import Path

from pydantic import JsonValue

from onward.catalog.load import forward_recipe, series_list
from onward.catalog.series import Series
from onward.checks.foreseen import foreseen_faults
from onward.errors import CheckFailed, DatabaseAhead, PlanStale, SourceSeriesUnclear
from onward.hosts.constraints import resolve
from onward.hosts.interpreters import find_interpreters
from onward.hosts.state import Directories
from onward.model.cloud import Cloud, Service
from onward.observe.configuration import read_configuration
from onward.observe.database import shown, writable
from onward.plan.plan import Plan, digest_of
from onward.plan.upgrade import UnitCommands, UpgradeWish, plan_upgrade
from onward.survey.cloud import load_cloud
from onward.survey.collector import collector_paused
from onward.survey.database import DatabaseFound, look_at, named_database
from onward.survey.environments import choose_environments
from onward.survey.machine import require_room
from onward.survey.options import EnvironmentWish

BACKUP_FACTOR = 2
"""The backup, and a table that a migration holds twice."""


def survey_upgrade(
    directories: Directories,
    cloud_file: Path,
    service: str,
    *,
    target: str,
    source: str | None,
    slurp: bool,
    environments: EnvironmentWish,
) -> Plan:
    """The plan of an upgrade in place. Raises a Refused error for bad input."""
    known = forward_recipe(service)
    cloud = load_cloud(cloud_file)
    entry = cloud.service(service)
    series_list().find(target)
    found = _look(entry, service, source)
    writable(found.url)
    path = series_list().path(found.series, target, slurp=slurp)
    require_no_fault(entry, service, path[1:])
    choices = choose_environments(directories, service, path[1:], find_interpreters(), environments)
    require_room(directories, service, choices, found.bytes * BACKUP_FACTOR)
    wish = UpgradeWish(
        cloud=cloud.cloud,
        service=known.service,
        path=tuple(series.id for series in path),
        configuration=entry.configuration,
        environments=choices,
        described=cloud.model_dump(mode="json", exclude_defaults=True),
        units=tuple(UnitCommands(name=unit.name, stop=unit.stop, start=unit.start) for unit in entry.units),
        facts=_facts(cloud, entry, found, {series: dict(choice.constraints) for series, choice in choices.items()}),
        parallel=environments.parallel,
    )
    with collector_paused():
        return plan_upgrade(wish)


def require_no_fault(entry: Service, service: str, ahead: tuple[Series, ...]) -> None:
    """Refuse what a release on the way is known to stop at. Raises CheckFailed."""
    known = forward_recipe(service)
    connection = read_configuration([Path(file) for file in entry.configuration], known).connection
    for series, fault in foreseen_faults(known, ahead, connection):
        raise CheckFailed(
            f"{service} {series} will stop at this cloud's database URL.",
            evidence=f"{fault.explanation}\n{fault.source}",
            next_command=fault.way_out,
        )


def facts_now(directories: Directories, cloud_file: Path, plan: Plan) -> dict[str, JsonValue]:
    """The facts of a plan as they are now, for comparing.

    Raises PlanStale when the database is at another series, and a Refused error where the facts cannot be had.
    """
    cloud = load_cloud(cloud_file)
    entry = cloud.service(plan.service)
    try:
        found = _look(entry, plan.service, plan.source)
    except (DatabaseAhead, SourceSeriesUnclear) as moved:
        raise PlanStale(
            f"The plan begins at {plan.source}, and the database is not there any more.",
            evidence=f"{moved.what}\n{moved.evidence}",
            state="Nothing was touched.",
            next_command="onward runs list",
        ) from None
    writable(found.url)
    planned = plan.facts.get("constraints")
    constraints: dict[str, dict[str, JsonValue]] = {}
    for series, source in (planned if isinstance(planned, dict) else {}).items():
        wanted = source if isinstance(source, dict) else {}
        # Constraints that were fetched or read are kept under their digest, so that only the release's own
        # pins, which come with Onward, can have changed.
        as_of_release = wanted.get("kind") == "as-of-release"
        constraints[series] = (
            resolve("as-of-release", series_list().find(series), directories) if as_of_release else wanted
        )
    return _facts(cloud, entry, found, constraints)


def _look(entry: Service, service: str, said: str | None) -> DatabaseFound:
    url, configuration = named_database("config:" + ",".join(entry.configuration), service)
    return look_at(url, configuration, service, said or entry.series)


def _facts(
    cloud: Cloud, entry: Service, found: DatabaseFound, constraints: dict[str, dict[str, JsonValue]]
) -> dict[str, JsonValue]:
    return {
        "database": shown(found.url),
        "series": found.series,
        "schema": found.schema.as_data(),
        "cloud file": digest_of([entry.model_dump(mode="json"), cloud.infrastructure.model_dump(mode="json")]),
        "constraints": dict(constraints),
    }
