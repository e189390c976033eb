"""Everything that the plan of a deployment is computed from."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from onward.actions.build_environment import specification
from onward.catalog.charms import charms
from onward.catalog.load import series_list
from onward.catalog.series import Series
from onward.errors import BundleInvalid, MachineElsewhere, PlacementUnfit
from onward.hosts.interpreters import find_interpreters
from onward.hosts.model_store import ModelStore
from onward.hosts.programs import find_programs
from onward.hosts.service_package import service_digest
from onward.hosts.state import Directories
from onward.model.bundle import Bundle, faults_in_file, parse_bundle
from onward.model.bundle_edit import as_data
from onward.observe.machine import is_own
from onward.plan.deployment.addresses import with_addresses
from onward.plan.deployment.move import Move
from onward.plan.deployment.numbers import unit_numbers
from onward.plan.deployment.placement import addresses_of, given_addresses, placed
from onward.plan.deployment.planner import plan_deployment
from onward.plan.deployment.removal import plan_removal
from onward.plan.deployment.site import NETWORKS, Site, balancer_address
from onward.plan.deployment.topology import Topology, topology
from onward.plan.deployment.wish import DeploymentWish
from onward.plan.forward import EnvironmentChoice
from onward.plan.plan import Plan
from onward.survey.bundle_options import require_options
from onward.survey.capacity import available_memory, free_network, require_memory, require_ports
from onward.survey.carried import CarriedOptions
from onward.survey.departure import require_departure
from onward.survey.deployed import survey_deployed
from onward.survey.environments import choose_environments
from onward.survey.health import tells
from onward.survey.images import image_choice, require_release_kept, require_supported
from onward.survey.machines import choices_on, require_fit, require_here, require_reachable, survey_machines
from onward.survey.model_cloud import cloud_of_model
from onward.survey.moves import deployed_series, survey_moves
from onward.survey.offers import (
    all_granted,
    remotes_of,
    require_offers_kept,
    require_region_of_its_own,
    require_unused,
    withdrawn,
)
from onward.survey.options import EnvironmentWish
from onward.survey.pinned import Choose, keeping, survey_pinned
from onward.survey.recorded import (
    known_model,
    models,
    numbers_of,
    placed_units,
    recorded_site,
    recorded_topology,
    site_of,
    units_of,
)
from onward.survey.restore import require_migrated
from onward.survey.rolling import survey_rolling
from onward.survey.wanted import Wanted
from onward.survey.wsgi import fitting, further_packages, wsgi_programs

DEFAULT_SERIES = "2025.1"
"""For applications whose channel the bundle does not say: the newest SLURP release that all charms were tried with."""
Back = Callable[[Topology, Mapping[str, EnvironmentChoice]], tuple[Move, ...]]
LONGEST_SOCKET_DIRECTORY = 60


def read_bundle(path: Path, model: str | None) -> Wanted:
    """The bundle of a file; the model has the name that is given, that of the bundle, or that of the file.

    Raises BundleInvalid, MachineElsewhere.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleInvalid(f"{path} cannot be read.", evidence=str(error)) from None
    bundle = parse_bundle(text, str(path))
    _all_here(bundle, text, str(path))
    return Wanted(bundle, str(path), model or bundle.name or path.stem, text)


def _all_here(bundle: Bundle, text: str, file: str) -> None:
    """Return when all machines of the bundle are this one, or reached over SSH. Raises MachineElsewhere."""
    elsewhere = [
        (("machines", name, "address"), f"{machine.address} is no address of this machine; ssh://... is another one")
        for name, machine in bundle.machines.items()
        if machine.address is not None and machine.ssh is None and not is_own(machine.address)
    ]
    if elsewhere:
        raise MachineElsewhere(
            f"{file} names machines that Onward does not reach.",
            evidence=faults_in_file(file, yaml.compose(text, yaml.SafeLoader), elsewhere),
        )


def survey_deployment(
    directories: Directories,
    wanted: Wanted,
    environments: EnvironmentWish,
    progress: Callable[[str], None] = lambda _: None,
    back: Back | None = None,
) -> Plan:
    """The plan that brings the model to what the bundle says. Raises a Refused error for what can never be.

    ``back`` says which services return to backups of theirs.
    """
    if back is None:
        require_migrated(directories, wanted.model)
    surveyed = _survey(directories, wanted, environments, progress, back)
    if wanted.rolling:
        return survey_rolling(directories, surveyed.wish, surveyed.choose, surveyed.carry, wanted.rolling, progress)
    return plan_deployment(surveyed.wish)


def survey_wish(
    directories: Directories,
    wanted: Wanted,
    environments: EnvironmentWish,
    progress: Callable[[str], None] = lambda _: None,
) -> DeploymentWish:
    """What the model shall be, and what of it is so already. Raises a Refused error for what can never be.

    ``progress`` is told what takes long: building the environment of a release that is asked which options it has.
    """
    require_migrated(directories, wanted.model)
    return _survey(directories, wanted, environments, progress, None).wish


@dataclass(frozen=True)
class _Surveyed:
    """What was found out, and whom to ask for more of it."""

    wish: DeploymentWish
    choose: Choose
    carry: CarriedOptions


def _survey(
    directories: Directories,
    wanted: Wanted,
    environments: EnvironmentWish,
    progress: Callable[[str], None],
    back: Back | None,
) -> _Surveyed:
    remotes = remotes_of(directories, wanted)
    store = ModelStore(directories.models / wanted.model)
    before: Mapping[str, Any] = store.record() if store.exists else {}
    deployed = units_of(store)
    numbers = unit_numbers(wanted.bundle, numbers_of(before), wanted.leaving, deployed)
    found = topology(wanted.bundle, charms(), wanted.file, remotes, numbers)
    require_offers_kept(directories, wanted)
    for name, remote in remotes.items():
        lender = known_model(directories, remote.model).record().get("placed", {})
        require_here(lender, f"{name} of {remote.model} is used by another model")
    put = placed(wanted.bundle, numbers, placed_units(store, before), deployed)
    here = {name for name in found.applications for unit in found.units(name) if unit not in put}
    of_charms = (program for name, charm in found.charms.items() if name in here for program in charm.programs)
    programs = find_programs((*of_charms, *(wsgi_programs(found) if here else ())))
    others = [known_model(directories, name).record()["network"] for name in models(directories)]
    network = int(before.get("network") or free_network([int(each) for each in others], store.directory, found))
    record: dict[str, Any] = {
        "model": wanted.model,
        "network": network,
        "addresses": _addresses(wanted, found, put, before, network),
        "units": {name: list(each) for name, each in numbers.items()},
        "sockets": str(sockets_directory(store.directory)),
        "bundle": as_data(wanted.bundle),
        **({"saas": {name: each.model_dump(mode="json") for name, each in remotes.items()}} if remotes else {}),
    }
    require_supported(found, put)
    at = deployed_series(found, store, before, DEFAULT_SERIES)
    require_release_kept(found, at, {name: _series(found, name).id for name in _services(found)})
    choose = _chooser(directories, found, environments, progress)
    choices = _choices(found, choose)
    machines = survey_machines(directories, wanted.model, found, wanted.bundle, put, choices)
    if put:
        record["placed"] = put
        told = {name: each.machine.model_dump(mode="json", exclude={"name"}) for name, each in machines.items()}
        record["machines"] = {**before.get("machines", {}), **told}
    carry = CarriedOptions(directories, choose, progress)
    bundle = carry.to_target(wanted.bundle, found, choices, at, wanted.dropped)
    wanted, found = replace(wanted, bundle=bundle), replace(found, applications=bundle.applications)
    record["bundle"] = as_data(bundle)
    mutable = require_options(found, choices, directories, progress)
    kept = survey_pinned(wanted.model, found, before, choices, choose, directories, progress)
    record["pinned"] = {name: each.model_dump(mode="json", exclude_defaults=True) for name, each in kept.items()}
    found = keeping(found, kept)
    away = choices_on(machines, choices)
    site = _site(store, record, programs, directories, found, choices, mutable, away)
    require_region_of_its_own(directories, wanted, found, site)
    surplus = tuple(unit for unit in deployed if unit not in site.addresses)
    seen = survey_deployed(directories, store, site.sockets)
    require_departure(found, surplus, seen.states)
    elsewhere = set(deployed) | set(put)
    require_ports(found, site, elsewhere)
    require_memory(found, elsewhere, available_memory())
    new = [unit for unit in put if unit not in deployed]
    require_fit(found, machines, put, new, lambda unit: _listens(found, site, unit))
    moves = (
        back(found, choices)
        if back is not None
        else survey_moves(found, store, before, choices, choose, DEFAULT_SERIES, slurp=wanted.slurp)
    )
    if moves:
        require_here(put, "Services are taken to another release")
    wish = DeploymentWish(
        topology=found,
        site=site,
        record=record,
        choices=choices,
        choices_on=away,
        parallel=environments.parallel,
        holds=seen.holds,
        begun=frozenset(store.done()),
        surplus=surplus,
        before=before,
        moves=moves,
        budget_seconds=wanted.budget_seconds,
        described=_described(directories, wanted.model) if _serves(found, moves, seen.holds) else {},
        withdrawn=withdrawn(store, found, site),
        defer=wanted.defer,
        deferred={unit: each.digest for unit, each in store.owed().items() if each.deferred},
    )
    return _Surveyed(wish, choose, carry)


def _serves(found: Topology, moves: Iterable[Move], holds: Collection[str]) -> bool:
    """Whether what is to move serves: where an earlier run has stopped it already, no check would pass."""
    moving = [f"start/{unit}" for move in moves for name in move.applications for unit in found.units(name)]
    return bool(moving) and all(step in holds for step in moving)


def _described(directories: Directories, model: str) -> dict[str, Any]:
    """The model as it is now, for the checks before it moves."""
    return cloud_of_model(directories, model).model_dump(mode="json", exclude_defaults=True)


def survey_removal(directories: Directories, model: str, *, leave_granted: bool = False) -> Plan:
    """The plan that leaves nothing of a model, unless it shall leave what other models have granted it.

    Raises ModelUnknown, OfferInUse.
    """
    store = known_model(directories, model)
    require_unused(directories, model)
    found = recorded_topology(store.record())
    waves = [*reversed(found.in_waves())]
    units = units_of(store)
    groups = [tuple(unit for unit in units if unit.partition("/")[0] in wave) for wave in waves]
    rest = tuple(unit for unit in units if unit.partition("/")[0] not in found.applications)
    return plan_removal(recorded_site(store), [rest, *groups], () if leave_granted else all_granted(store))


def _site(
    store: ModelStore,
    record: Mapping[str, Any],
    programs: Mapping[str, str],
    directories: Directories,
    found: Topology,
    choices: Mapping[str, EnvironmentChoice],
    mutable: Mapping[str, frozenset[str]],
    away: Mapping[str, Mapping[str, EnvironmentChoice]],
) -> Site:
    images = {name: choice.image for name, choice in choices.items() if choice.image is not None}
    paths = {
        name: choice.image.prefix
        if choice.image is not None
        else str(directories.environments / specification(found.charms[name].service or "", choice).key)
        for name, choice in choices.items()
    }
    site = site_of(store, record)
    places = {
        name: replace(
            place,
            environments={
                application: f"{record['machines'][name]['cache']}/environments/"
                + specification(found.charms[application].service or "", choice).key
                for application, choice in away.get(name, {}).items()
            },
        )
        for name, place in site.places.items()
    }
    units = (unit for name in found.applications for unit in found.units(name))
    return replace(
        site,
        places=places,
        programs=programs,
        environments=paths,
        images=images,
        series={name: choice.series for name, choice in choices.items()},
        mutable=mutable,
        health_code=service_digest() if any(tells(found, unit) for unit in units) else "",
    )


def _services(found: Topology) -> list[str]:
    """The applications of services."""
    return [name for name, charm in found.charms.items() if charm.service is not None]


def _series(found: Topology, name: str) -> Series:
    """Which release an application of a service shall be at. Raises UnknownSeries."""
    return series_list().find((found.applications[name].channel or DEFAULT_SERIES).partition("/")[0])


def _choices(found: Topology, choose: Choose) -> dict[str, EnvironmentChoice]:
    """What every application of a service runs. Raises UnknownSeries, InterpreterMissing."""
    return {name: choose(name, _series(found, name).id) for name in _services(found)}


def _chooser(
    directories: Directories, found: Topology, environments: EnvironmentWish, progress: Callable[[str], None]
) -> Choose:
    """What an application of a service runs at a channel. The interpreters of the machine are looked at once."""
    interpreters = cache(find_interpreters)

    def choose(name: str, channel: str) -> EnvironmentChoice:
        charm, entry = found.charms[name], found.applications[name]
        series = series_list().find(channel.partition("/")[0])
        # An image has one release; what another one knows is asked of an environment.
        if entry.runtime == "container" and series == _series(found, name):
            return image_choice(directories, name, entry, charm, series, progress)
        usable = fitting(found, name, series, interpreters())
        choice = choose_environments(directories, charm.service or "", (series,), usable, environments)
        return choice[series.id].model_copy(update={"also": further_packages(found, charm.service or "")})

    return choose


def _addresses(
    wanted: Wanted, found: Topology, put: Mapping[str, str], before: Mapping[str, Any], network: int
) -> dict[str, str]:
    """The addresses of everything that has one: on machines that have addresses of their own, one of these.

    Raises PlacementUnfit where a machine has too few.
    """
    bundle, names = wanted.bundle, _addressed(found)
    allowed = {name: addresses_of(bundle, name) for name in set(put.values()) if name in bundle.machines}
    of_machines: dict[str, tuple[str, frozenset[int]]] = {}
    for name in names:
        application, _, network_name = name.partition(" ")
        machine = put.get(found.units(application)[0] if network_name else name)
        if machine is not None and allowed.get(machine):
            of_machines[name] = (machine, frozenset(_ports(found, name)))
    given, without = given_addresses(of_machines, allowed, before.get("addresses", {}))
    if without:
        raise PlacementUnfit(
            "Machines have too few addresses for what the bundle puts there.",
            evidence="\n".join(f"{name} on machine {of_machines[name][0]}" for name in without),
            next_command="give the machine more `addresses` in the bundle, or use more machines",
        )
    rest = with_addresses(before.get("addresses", {}), [name for name in names if name not in given], network)
    addresses = {name: given.get(name) or rest[name] for name in names}
    require_reachable(addresses)
    return addresses


def _ports(found: Topology, name: str) -> list[int]:
    """Where a unit listens, or a load balancer on one of its networks."""
    application, _, network = name.partition(" ")
    if not network:
        return list(found.charms[name.partition("/")[0]].ports.values())
    return [port for each in found.balanced_by(application) for port in found.charms[each].ports.values()]


def _listens(found: Topology, site: Site, unit: str) -> list[tuple[str, int]]:
    return [(site.addresses[unit], port) for port in found.charms[unit.partition("/")[0]].ports.values()]


def _addressed(found: Topology) -> list[str]:
    """Everything that has an address of its own: units, and load balancers on each network."""
    names = [unit for name in found.applications for unit in found.units(name)]
    return names + [balancer_address(name, network) for name in found.on_networks() for network in NETWORKS]


def sockets_directory(directory: Path) -> Path:
    """Where the sockets of a model are: below its directory where the path is short enough, else in /tmp."""
    near = directory / "sockets"
    if len(os.fsencode(near)) <= LONGEST_SOCKET_DIRECTORY:
        return near
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"onward-{os.geteuid()}-{name}"
