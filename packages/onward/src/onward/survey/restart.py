"""Everything that the plan of a restart is computed from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from onward.catalog.load import recipe
from onward.errors import ApiUnavailable, UnitUnknown
from onward.hosts.known_machines import recorded_machines
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.model.cloud import Cloud
from onward.model.restart import Bounds
from onward.observe.cloud_api import CloudApi, cloud_api
from onward.observe.heartbeats import observe_reporters_by_api
from onward.plan.deployment.placement import racks_of
from onward.plan.deployment.planner import plan_deployment
from onward.plan.deployment.restarting import RestartWish, plan_change, plan_restart, put_off_by, reports_of
from onward.plan.deployment.wish import DeploymentWish
from onward.plan.deployment.words import Words
from onward.plan.plan import Plan
from onward.survey.deployment import survey_wish
from onward.survey.model_cloud import cloud_of_model
from onward.survey.options import EnvironmentWish
from onward.survey.recorded import kept_bundle
from onward.survey.wanted import Wanted

SLACK_SECONDS = 60.0
"""Besides what its charm gives a unit to serve: for its end, and until it has reported."""
USUAL_SECONDS = 180.0


@dataclass(frozen=True)
class Limits:
    """What was asked for; how many units that is depends on the application."""

    batch: str = "10%"
    """A number, or a part of the units: 5%."""
    failures: str = "0"
    canary: int = 1
    pause: float = 0.0
    slower: float = 2.0


def survey_restart(
    directories: Directories,
    model: str,
    where: Sequence[str],
    limits: Limits,
    environments: EnvironmentWish,
    progress: Callable[[str], None] = lambda _: None,
    *,
    owed: bool = False,
) -> Plan:
    """The plan that restarts units: applications, single ones, or those that owe it, of these or of all applications.

    Raises a Refused error.
    """
    store = ModelStore(directories.models / model)
    wanted = Wanted(kept_bundle(directories, model), f"the bundle of {model}", model)
    wish = survey_wish(directories, wanted, environments, progress)
    named = _named(wish, where or tuple(wish.topology.applications))
    owing = store.owed()
    units = tuple(unit for unit in named if not owed or unit in owing)
    return plan_restart(_restart_wish(directories, wanted, wish, units, limits, progress))


def survey_change(
    directories: Directories,
    wanted: Wanted,
    where: str,
    limits: Limits,
    environments: EnvironmentWish,
    progress: Callable[[str], None] = lambda _: None,
) -> Plan:
    """The plan that brings a model to what a bundle says of an application or a unit: files first, then in batches.

    Restarts that were put off before, elsewhere, stay so. Raises a Refused error.
    """
    wish = survey_wish(directories, replace(wanted, defer=True), environments, progress)
    before = ModelStore(directories.models / wanted.model).owed()
    deployment = plan_deployment(wish)
    units = tuple(
        unit for unit in put_off_by(deployment) if unit not in before or where in (unit, unit.partition("/")[0])
    )
    return plan_change(deployment, _restart_wish(directories, wanted, wish, units, limits, progress))


def _restart_wish(
    directories: Directories,
    wanted: Wanted,
    wish: DeploymentWish,
    units: tuple[str, ...],
    limits: Limits,
    progress: Callable[[str], None],
) -> RestartWish:
    chosen = list(dict.fromkeys(unit.partition("/")[0] for unit in units))
    bounds = {
        name: _bounds(limits, [unit for unit in units if unit.partition("/")[0] == name], wish) for name in chosen
    }
    listed = _listed(lambda: cloud_of_model(directories, wanted.model), wish, units, progress)
    racks = racks_of(wanted.bundle.machines, recorded_machines(directories).values())
    return RestartWish(deployment=wish, units=units, bounds=bounds, listed=listed, racks=racks)


def count_of(text: str, units: int) -> int:
    """How many units ``10`` or ``5%`` means: of a part at least one. Raises ValueError."""
    number, percent, rest = text.partition("%")
    if rest or (percent and not 0 < float(number) <= 100):
        raise ValueError(text)
    return max(1, int(units * float(number) / 100)) if percent else int(number)


def _named(wish: DeploymentWish, where: Sequence[str]) -> tuple[str, ...]:
    found = wish.topology
    by_name = {name: found.units(name) for name in found.applications}
    known = {unit: (unit,) for units in by_name.values() for unit in units} | by_name
    unknown = [each for each in where if each not in known]
    if unknown:
        near = [unit for each in unknown for unit in by_name.get(each.partition("/")[0], ())]
        raise UnitUnknown(
            f"{wish.site.model} has no {', '.join(map(repr, unknown))}.",
            evidence=f"it has: {', '.join(dict.fromkeys(near or by_name))}",
            next_command=f"onward status {wish.site.model}",
        )
    return tuple(dict.fromkeys(unit for each in where for unit in known[each]))


def _bounds(limits: Limits, units: Sequence[str], wish: DeploymentWish) -> Bounds:
    charm = wish.topology.charms[units[0].partition("/")[0]]
    seconds = [each.ready.seconds for each in charm.processes if each.ready is not None]
    stops = [float(each.stop_seconds) for each in charm.processes]
    return Bounds(
        batch=count_of(limits.batch, len(units)),
        failures=count_of(limits.failures, len(units)) if limits.failures != "0" else 0,
        canary=limits.canary,
        pause=limits.pause,
        slower=limits.slower,
        patience=max(seconds, default=USUAL_SECONDS) + max(stops, default=0.0) + SLACK_SECONDS,
    )


def _listed(
    cloud_of: Callable[[], Cloud], wish: DeploymentWish, units: Sequence[str], progress: Callable[[str], None]
) -> Mapping[tuple[str, str], str]:
    """The availability zone of each process that the APIs of the units' services list, by kind and host."""
    names = dict.fromkeys(unit.partition("/")[0] for unit in units)
    words = [Words(wish.topology, wish.site, name) for name in names]
    asked = [each for each in words if reports_of(each, each.unit_names[0])]
    if not asked:
        return {}
    cloud = cloud_of()
    file = cloud.infrastructure.identity.file
    if file is None:
        return {}
    api = cloud_api(cloud.cloud, {"OS_CLIENT_CONFIG_FILE": file})
    found: dict[tuple[str, str], str] = {}
    for service in dict.fromkeys(each.charm.service or "" for each in asked):
        try:
            found |= _listed_by(api, service)
        except ApiUnavailable as error:
            progress(f"{service} is not asked whether it has its processes as up: {error.what} {error.evidence}")
    return found


def _listed_by(api: CloudApi, service: str) -> Mapping[tuple[str, str], str]:
    """The same of one service. Raises ApiUnavailable."""
    facts = recipe(service).heartbeats
    if facts is None or facts.api is None:
        return {}
    url = next((found for kind in facts.api.types if (found := api.url_of(kind, "internal"))), None)
    if url is None:
        raise ApiUnavailable("The catalogue has no URL of it.")
    listed = observe_reporters_by_api(api, url, facts, facts.api)
    if listed.failure:
        raise ApiUnavailable(listed.failure)
    return {(row.kind, row.host): row.zone for row in listed.rows}
