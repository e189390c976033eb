"""Everything that the plan of a deployment is computed from."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from onward.actions.build_environment import specification
from onward.catalog.charms import charms
from onward.catalog.load import series_list
from onward.catalog.service import Driver
from onward.errors import BundleInvalid, MachineElsewhere
from onward.hosts.interpreters import find_interpreters
from onward.hosts.model_store import ModelStore
from onward.hosts.programs import find_programs
from onward.hosts.state import Directories
from onward.model.bundle import Bundle, faults_in_file, parse_bundle
from onward.model.bundle_edit import as_data
from onward.observe.machine import is_own
from onward.plan.deployment.addresses import with_addresses
from onward.plan.deployment.forward import Move
from onward.plan.deployment.numbers import unit_numbers
from onward.plan.deployment.planner import DeploymentWish, plan_deployment
from onward.plan.deployment.removal import plan_removal
from onward.plan.deployment.site import NETWORKS, Site, balancer_address
from onward.plan.deployment.topology import Topology, topology
from onward.plan.forward import EnvironmentChoice
from onward.plan.plan import Plan
from onward.survey.bundle_options import require_options
from onward.survey.capacity import available_memory, free_network, require_memory, require_ports
from onward.survey.departure import require_departure
from onward.survey.deployed import process_states, steps_that_hold
from onward.survey.environments import choose_environments
from onward.survey.moves import survey_moves
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
from onward.survey.recorded import known_model, models, numbers_of, recorded_site, recorded_topology, site_of, units_of
from onward.survey.wanted import Wanted
from onward.survey.wsgi import fitting, wsgi_packages, wsgi_programs

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
    """Return when all machines of the bundle are this one. Raises MachineElsewhere."""
    elsewhere = [
        (("machines", name, "address"), f"{machine.address} is no address of this machine")
        for name, machine in bundle.machines.items()
        if machine.address is not None and not is_own(machine.address)
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

    ``progress`` is told what takes long: building the environment of a release that is asked which options it has.
    ``back`` says which services return to backups of theirs.
    """
    remotes = remotes_of(directories, wanted)
    store = ModelStore(directories.models / wanted.model)
    before: Mapping[str, Any] = store.record() if store.exists else {}
    deployed = units_of(store)
    numbers = unit_numbers(wanted.bundle, numbers_of(before), wanted.leaving, deployed)
    found = topology(wanted.bundle, charms(), wanted.file, remotes, numbers)
    require_offers_kept(directories, wanted)
    of_charms = (program for charm in found.charms.values() for program in charm.programs)
    programs = find_programs((*of_charms, *wsgi_programs(found)))
    others = [known_model(directories, name).record()["network"] for name in models(directories)]
    network = int(before.get("network") or free_network([int(each) for each in others], store.directory, found))
    record: dict[str, Any] = {
        "model": wanted.model,
        "network": network,
        "addresses": with_addresses(before.get("addresses", {}), _addressed(found), network),
        "units": {name: list(each) for name, each in numbers.items()},
        "sockets": str(sockets_directory(store.directory)),
        "bundle": as_data(wanted.bundle),
        **({"saas": {name: each.model_dump(mode="json") for name, each in remotes.items()}} if remotes else {}),
    }
    choose = _chooser(directories, found, environments)
    choices = _choices(found, choose)
    mutable = require_options(found, choices, directories, progress)
    kept = survey_pinned(wanted.model, found, before, choices, choose, directories, progress)
    record["pinned"] = {name: each.model_dump(mode="json", exclude_defaults=True) for name, each in kept.items()}
    found = keeping(found, kept)
    site = _site(store, record, programs, directories, found, choices, mutable)
    require_region_of_its_own(directories, wanted, found, site)
    surplus = tuple(unit for unit in deployed if unit not in site.addresses)
    require_departure(found, surplus, process_states(store, site.sockets))
    require_ports(found, site, set(deployed))
    require_memory(found, set(deployed), available_memory())
    return plan_deployment(
        DeploymentWish(
            topology=found,
            site=site,
            record=record,
            choices=choices,
            parallel=environments.parallel,
            holds=steps_that_hold(store, site.sockets),
            begun=frozenset(store.done()),
            surplus=surplus,
            before=before,
            moves=back(found, choices)
            if back is not None
            else survey_moves(found, store, before, choices, choose, DEFAULT_SERIES),
            withdrawn=withdrawn(store, found, site),
        )
    )


def survey_removal(directories: Directories, model: str, *, leave_granted: bool = False) -> Plan:
    """The plan that leaves nothing of a model, unless it shall leave what other models have granted it.

    Raises ModelUnknown, OfferInUse.
    """
    store = known_model(directories, model)
    require_unused(directories, model)
    found = recorded_topology(store.record())
    order = [*reversed(found.in_order())]
    units = units_of(store)
    groups = [tuple(unit for unit in units if unit.partition("/")[0] == name) for name in order]
    rest = tuple(unit for unit in units if unit.partition("/")[0] not in order)
    return plan_removal(recorded_site(store), [rest, *groups], () if leave_granted else all_granted(store))


def _site(
    store: ModelStore,
    record: Mapping[str, Any],
    programs: Mapping[str, str],
    directories: Directories,
    found: Topology,
    choices: Mapping[str, EnvironmentChoice],
    mutable: Mapping[str, frozenset[str]],
) -> Site:
    paths = {
        name: str(directories.environments / specification(found.charms[name].service or "", choice).key)
        for name, choice in choices.items()
    }
    return replace(
        site_of(store, record),
        programs=programs,
        environments=paths,
        series={name: choice.series for name, choice in choices.items()},
        mutable=mutable,
    )


def _choices(found: Topology, choose: Choose) -> dict[str, EnvironmentChoice]:
    """What every application of a service runs. Raises UnknownSeries, InterpreterMissing."""
    services = [name for name, charm in found.charms.items() if charm.service is not None]
    return {name: choose(name, found.applications[name].channel or DEFAULT_SERIES) for name in services}


def _chooser(directories: Directories, found: Topology, environments: EnvironmentWish) -> Choose:
    """What an application of a service runs at a channel. The interpreters of the machine are looked at once."""
    interpreters = cache(find_interpreters)

    def choose(name: str, channel: str) -> EnvironmentChoice:
        charm = found.charms[name]
        series = series_list().find(channel.partition("/")[0])
        usable = fitting(found, name, series, interpreters())
        choice = choose_environments(directories, charm.service or "", (series,), usable, environments)
        return choice[series.id].model_copy(update={"also": _also(found, charm.service or "")})

    return choose


def _also(found: Topology, service: str) -> tuple[Driver, ...]:
    """What the environment of a service needs besides: all of its applications share it, so what any of them needs."""
    applications = [name for name, charm in found.charms.items() if charm.service == service]
    return tuple(
        dict.fromkeys(
            each for name in applications for each in (*wsgi_packages(found, name), *found.charms[name].packages)
        )
    )


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
