"""Plans the restart of units that are deployed: one step for each application. Its batches are decided meanwhile.

How many units are away at once depends on what is seen meanwhile, so that no plan can say it beforehand. What a plan
says is what is restarted with what, and what bounds it. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from pydantic import Field

from onward.catalog.charms import BROKER
from onward.catalog.load import recipe
from onward.errors import RestartUnready
from onward.model.restart import Bounds
from onward.plan.deployment.databases import database_sockets
from onward.plan.deployment.deferring import step_digest
from onward.plan.deployment.left import left_of
from onward.plan.deployment.placement import MACHINE, seat
from onward.plan.deployment.planner import every_step
from onward.plan.deployment.serving import clustered
from onward.plan.deployment.wish import DeploymentWish
from onward.plan.deployment.words import Words
from onward.plan.plan import Plan, digest_of
from onward.plan.step import Frozen, Step

IDENTITY = "keystone"
CREDENTIALS = "etc/clouds.yaml"
"""Of a unit of Keystone: its administrator's."""
AMQP = "amqp"


class Reports(Frozen):
    """By which row of its service's list a unit is known."""

    kind: str
    host: str


class UnitRestart(Frozen):
    """A unit that is to be restarted."""

    unit: str
    machine: str | None = None
    domain: str = ""
    digest: str = Field(description="Of the step that would start it")
    start: dict[str, object] = Field(description="The arguments of that step")
    reports: Reports | None = None


class BrokerPlace(Frozen):
    """Where the broker is asked, and with what."""

    addresses: tuple[str, ...]
    port: int
    management: int
    secret: str
    model: str = ""


class RestartArguments(Frozen):
    """The arguments of ``application.restart``."""

    application: str
    bounds: Bounds
    most_away: int
    units: tuple[UnitRestart, ...]
    service: str = Field(default="", description="Whose API lists the processes; empty where none does")
    credentials: str = Field(default="", description="The clouds.yaml for it, whose cloud has the model's name")
    broker: BrokerPlace | None = None
    databases: dict[str, str] = Field(default_factory=dict, description="Sockets of the servers here, by unit")


@dataclass(frozen=True)
class RestartWish:
    """Which units of a model, and how."""

    deployment: DeploymentWish
    units: tuple[str, ...]
    bounds: Mapping[str, Bounds]
    """By application."""
    listed: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """The availability zone of each process that a service's API lists, by its kind and host. Who is not listed before
    a restart is not waited for in that list: not every process of a service that has one reports to it."""
    racks: Mapping[str, str] = field(default_factory=dict)
    """Of the bundle's machines that have one, by machine."""


def plan_restart(wish: RestartWish) -> Plan:
    """The restart, application after application, those first that others use. Raises RestartUnready."""
    deployment = wish.deployment
    steps = every_step(deployment)
    _require_written(wish, left_of(steps, deployment.holds))
    record = digest_of(dict(deployment.record))
    restarts = tuple(_restarts(wish, steps))
    return Plan(kind="restart", cloud=deployment.site.model, facts={"record": record}, steps=restarts).sealed()


def plan_change(deployment: Plan, wish: RestartWish) -> Plan:
    """What brings a model to its bundle and puts restarts off, and then these restarts, of the wish's units.

    So every file is written before the first unit begins anew, and who is killed in between goes on with this plan. A
    unit that begins anew reads its files, and need not take options over before.
    """
    # No step waits for one that has options taken over.
    ahead = [each for each in deployment.steps if each.action != "unit.reload" or each.target not in wish.units]
    restarts = _restarts(wish, every_step(wish.deployment), tuple(each.id for each in ahead))
    return deployment.model_copy(update={"steps": (*ahead, *restarts)}).sealed()


def put_off_by(plan: Plan) -> tuple[str, ...]:
    """The units whose restart a plan leaves for later."""
    return tuple(step.target for step in plan.steps if step.action == "unit.defer")


def _restarts(wish: RestartWish, steps: Sequence[Step], after: tuple[str, ...] = ()) -> Iterator[Step]:
    """One step for each application, each after the one before it, and the first after others."""
    by_id = {each.id: each for each in steps}
    for name in wish.deployment.topology.in_order():
        units = [unit for unit in wish.units if unit.partition("/")[0] == name]
        if units:
            arguments = _arguments(wish, name, units, by_id)
            yield Step(
                id=f"restart/{name}",
                action="application.restart",
                target=name,
                arguments=arguments.model_dump(mode="json"),
                needs=after,
                reason=_reason(arguments, len(wish.deployment.topology.units(name))),
                phase="deploy",
            )
            after = (f"restart/{name}",)


def _reason(wish: RestartArguments, there_are: int) -> str:
    """What is to be known before it begins: how many, and how many of them at once."""
    units, bounds = wish.units, wish.bounds
    if len(units) == 1:
        alone = "; there is no other that serves meanwhile" if there_are == 1 else ""
        return f"{units[0].unit} begins anew{alone}"
    first = f"{bounds.canary} first, then " if bounds.canary else ""
    at_once = min(bounds.batch, wish.most_away)
    return (
        f"{len(units)} units: {first}up to {at_once} at once, each batch when the last one is healthy and the broker is"
        f" calm; {bounds.failures} may stay away"
    )


def reports_of(words: Words, unit: str) -> Reports | None:
    """By what the service's API would list the unit; None where it lists nothing, or the unit has no such process."""
    service = words.charm.service
    facts = recipe(service).heartbeats if service else None
    hosts = [file.sections.get("DEFAULT", {}).get("host") for file in words.charm.files if file.options]
    kinds = [PurePath(each.argv[0]).name for each in words.processes() if each.argv]
    if facts is None or facts.api is None or not kinds or not hosts or hosts[0] is None or kinds[0] in facts.silent:
        return None
    return Reports(kind=kinds[0], host=words.fill(hosts[0], unit))


def _require_written(wish: RestartWish, left: Sequence[Step]) -> None:
    """Return when all units have the files that they shall have. Raises RestartUnready."""
    unwritten = [each.id for each in left if each.action == "unit.configure" and each.target in wish.units]
    if unwritten:
        raise RestartUnready(
            "Units have other files than they shall have: a restart would not make them what the bundle says.",
            evidence="\n".join(unwritten),
            next_command=f"onward status {wish.deployment.site.model}",
        )


def _arguments(wish: RestartWish, name: str, units: Sequence[str], steps: Mapping[str, Step]) -> RestartArguments:
    found, site = wish.deployment.topology, wish.deployment.site
    words = Words(found, site, name)
    reports = {unit: _listed(wish, reports_of(words, unit)) for unit in units}
    credentials = _credentials(wish)
    asked = bool(credentials) and any(reports.values())
    return RestartArguments(
        application=name,
        bounds=wish.bounds[name],
        most_away=_most_away(len(found.units(name)), clustered(found, name)),
        units=tuple(
            UnitRestart(
                unit=unit,
                machine=site.machines.get(unit),
                domain=_domain(wish, name, unit, reports[unit]),
                digest=step_digest(steps[f"start/{unit}"]),
                start=dict(steps[f"start/{unit}"].arguments),
                reports=reports[unit] if asked else None,
            )
            for unit in units
        ),
        service=(words.charm.service or "") if asked else "",
        credentials=credentials if asked else "",
        broker=_broker(words),
        databases=database_sockets(wish.deployment.topology, wish.deployment.site),
    )


def _listed(wish: RestartWish, reports: Reports | None) -> Reports | None:
    return reports if reports is not None and (reports.kind, reports.host) in wish.listed else None


def _most_away(units: int, cluster: bool) -> int:
    """A cluster keeps its majority; of anything else one unit goes on, where there are several."""
    return max(1, (units - 1) // 2 if cluster else units - 1)


def _domain(wish: RestartWish, name: str, unit: str, reports: Reports | None) -> str:
    """What is lost together: a rack within its availability zone, or the machine that the bundle puts the unit on.

    A zone is what people spread their servers over, and a rack what they do not see; where both are told, both hold, so
    that neither two zones nor two racks are touched at once, whether or not racks lie within zones. A machine is less
    than either, and counts where neither is told.
    """
    found = wish.deployment.topology
    zone = wish.listed[reports.kind, reports.host] if reports is not None else ""
    away = wish.deployment.site.machines.get(unit)
    place = seat(found.applications, found.numbers, unit) if away is None else f"{MACHINE}{away}"
    rack = wish.racks.get(place.removeprefix(MACHINE), "") if place.startswith(MACHINE) else ""
    told = [f"{kind} {name}" for kind, name in (("zone", zone), ("rack", rack)) if name]
    if told:
        return ", ".join(told)
    return "" if place == unit else place


def _credentials(wish: RestartWish) -> str:
    """The administrator's, where a unit of Keystone is on this machine."""
    found, site = wish.deployment.topology, wish.deployment.site
    units = [unit for name in found.of_service(IDENTITY) for unit in found.units(name) if unit not in site.machines]
    return str(site.unit_directory(units[0]) / CREDENTIALS) if units else ""


def _broker(words: Words) -> BrokerPlace | None:
    """The broker that the application uses."""
    found, site = words.topology, words.site
    relation = next((each for each in found.used_by(words.application) if each.interface == BROKER), None)
    if relation is None:
        return None
    name, lent = relation.provider[0], found.lent_by(relation)
    charm = lent.charm if lent else found.charms[name]
    return BrokerPlace(
        addresses=(lent.remote.address,) if lent else tuple(site.addresses[each] for each in found.units(name)),
        port=charm.ports[AMQP],
        management=charm.ports["management"],
        secret=f"{lent.remote.application if lent else name}/administrator",
        model=lent.remote.model if lent else "",
    )


def restarted_by(plan: Plan) -> tuple[str, ...]:
    """The units that a plan restarts in batches."""
    steps = [each for each in plan.steps if each.action == "application.restart"]
    return tuple(unit.unit for each in steps for unit in RestartArguments.model_validate(each.arguments).units)
