"""The other machines of a bundle: asked what they are, and refused before anything starts where they do not fit."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from onward.errors import HostUnfit, OnwardError, PlacementUnfit
from onward.hosts.facts import Asked, HostFacts, facts_of
from onward.hosts.known_machines import access
from onward.hosts.runtime import MINOR
from onward.hosts.ssh import Host, SshAccess, each_of, in_background
from onward.hosts.state import Directories
from onward.model.bundle import Bundle, Machine
from onward.model.machine import RemoteMachine, SshAddress
from onward.plan.deployment.placement import LOOPBACK
from onward.plan.deployment.topology import Topology
from onward.plan.forward import EnvironmentChoice
from onward.survey.wsgi import wsgi_programs

MEBIBYTE = 2**20
CODE_BYTES = 250 * MEBIBYTE
"""Onward's own code on another machine; measured 150 MB on the disk."""
ENVIRONMENT_BYTES = 400 * MEBIBYTE
"""An environment of a service that shares nothing with others."""
UNIT_BYTES = 200 * MEBIBYTE
"""Files, logs and data of a unit that begins."""
LONGEST_SOCKETS = 60
ROOTS_DIRECTORY = "/var/lib/onward"


Listens = Callable[[str], list[tuple[str, int]]]
"""Where a unit will listen: addresses and ports."""


@dataclass(frozen=True)
class Found:
    """A machine that was asked."""

    machine: RemoteMachine
    facts: HostFacts


def access_to(name: str, machine: Machine, directories: Directories) -> SshAccess:
    """How a machine of a bundle is opened."""
    return access(name, _address(name, machine), machine.identity, directories, sudo=machine.sudo)


def _address(name: str, machine: Machine) -> SshAddress:
    if machine.ssh is None:
        raise ValueError(f"machine {name} is this one")
    return machine.ssh


def ask_all(
    accesses: Mapping[str, SshAccess], asked: Mapping[str, Asked], most: int = 32
) -> dict[str, HostFacts | OnwardError]:
    """The facts of machines, or why there are none, each by itself: one that hangs holds up no other."""

    async def one(host: Host) -> HostFacts:
        name = next(name for name, access in accesses.items() if access is host.access)
        return await facts_of(host, asked[name], (f"python{MINOR}",))

    return in_background(each_of(accesses, one, most))


def survey_machines(
    directories: Directories,
    model: str,
    found: Topology,
    bundle: Bundle,
    placed: Mapping[str, str],
    choices: Mapping[str, EnvironmentChoice],
) -> dict[str, Found]:
    """Ask all machines that units are put on. Raises HostUnreachable, HostKeyUnknown, HostLoginRefused, HostUnfit."""
    used = {name: bundle.machines[name] for name in dict.fromkeys(placed.values()) if name in bundle.machines}
    if gone := sorted(set(placed.values()) - set(used)):
        raise PlacementUnfit(
            "The bundle has a machine no more on which there are units still.",
            evidence="\n".join(f"{unit} is on machine {name}" for unit, name in placed.items() if name in gone),
            next_command="remove these units first, with the machine in the bundle",
        )
    if not used:
        return {}
    accesses = {name: access_to(name, each, directories) for name, each in used.items()}
    pythons = {choice.python: choice.python_version for choice in choices.values()}
    asked = {name: asked_of(found, placed, name, machine, pythons) for name, machine in used.items()}
    told = ask_all(accesses, asked)
    _raise_all(told)
    facts = {name: each for name, each in told.items() if isinstance(each, HostFacts)}
    return {name: found_machine(name, used[name], model, facts[name]) for name in used}


def asked_of(
    found: Topology, placed: Mapping[str, str], name: str, machine: Machine, pythons: Mapping[str, str]
) -> Asked:
    """What a machine is asked about; ``pythons`` are versions by path."""
    return Asked(
        directories=tuple(each for each in (machine.directory, machine.cache, ROOTS_DIRECTORY) if each),
        programs=tuple(_programs(found, placed, name)),
        pythons=dict(pythons),
        addresses=machine.addresses,
    )


def found_machine(name: str, entry: Machine, model: str, facts: HostFacts) -> Found:
    """A machine that was asked, with what is to be remembered of it."""
    return Found(_machine(name, entry, model, facts), facts)


def _raise_all(told: Mapping[str, HostFacts | OnwardError]) -> None:
    """Return when all answered. Raises the first error, with what the others said as well."""
    errors = [each for each in told.values() if isinstance(each, OnwardError)]
    if not errors:
        return
    first, *others = errors
    if others:
        first.evidence = "\n".join([first.evidence, *(f"{each.what} {each.evidence}" for each in others)])
    raise first


def _machine(name: str, entry: Machine, model: str, facts: HostFacts) -> RemoteMachine:
    directory = entry.directory or (ROOTS_DIRECTORY if facts.uid == 0 else f"{facts.home}/.local/state/onward-host")
    near = f"{directory}/models/{model}/sockets"
    short = f"/tmp/onward-{facts.uid}-{hashlib.sha256(near.encode()).hexdigest()[:12]}"  # noqa: S108 - made 0700, and ours
    return RemoteMachine(
        name=name,
        address=_address(name, entry),
        identity=entry.identity,
        sudo=entry.sudo,
        directory=directory,
        cache=entry.cache or f"{directory}/cache",
        python=facts.python,
        user=facts.user,
        sockets=near if len(near) <= LONGEST_SOCKETS else short,
        keeper=facts.keeper,
        programs={command: path for command, path in facts.programs.items() if path is not None},
    )


def _programs(found: Topology, placed: Mapping[str, str], machine: str) -> list[str]:
    applications = {unit.partition("/")[0] for unit, name in placed.items() if name == machine}
    wanted = [each for name in applications if name in found.charms for each in found.charms[name].programs]
    return list(dict.fromkeys(each.command for each in (*wanted, *wsgi_programs(found))))


def require_fit(
    found: Topology, machines: Mapping[str, Found], placed: Mapping[str, str], new: Iterable[str], taken: Listens
) -> None:
    """Return when every machine can take its ``new`` units. Raises HostUnfit, which says of each what is missing."""
    fresh = set(new)
    wrong = [
        f"machine {name} ({each.machine.address}): {what}"
        for name, each in machines.items()
        for what in wanting(
            found, each, sorted(unit for unit in placed if placed[unit] == name and unit in fresh), taken
        )
    ]
    if wrong:
        raise HostUnfit(
            "Machines cannot take what the bundle puts there.",
            evidence="\n".join(wrong),
            next_command="onward hosts check BUNDLE",
        )


def wanting(found: Topology, there: Found, units: list[str], taken: Listens) -> Iterator[str]:
    """What a machine lacks for units that are new there, each in words."""
    yield from _software(found, there.facts, units)
    yield from _room(found, there, units)
    listening = set(there.facts.listening)
    for unit in units:
        for address, port in taken(unit):
            if {(address, port), ("0.0.0.0", port), ("::", port)} & listening:  # noqa: S104 - what others listen on
                yield f"somebody listens already at {address}:{port}, where {unit} would"


def _software(found: Topology, facts: HostFacts, units: list[str]) -> Iterator[str]:
    if not facts.python_version.startswith(f"{MINOR}."):
        yield f"Python {MINOR}, as here, is needed to run Onward's own code; it has {facts.python_version}"
    applications = dict.fromkeys(unit.partition("/")[0] for unit in units)
    for program in (each for name in applications for each in found.charms[name].programs):
        if facts.programs.get(program.command) is None:
            yield f"{program.command} is missing (apt-get install {program.package})"
    services = [name for name in applications if found.charms[name].service]
    if services:
        for path, own in facts.pythons.items():
            if own is None:
                yield f"an interpreter as {path} is missing, which {', '.join(services)} runs on"
    for address, own_address in facts.addresses.items():
        if not own_address:
            yield f"{address} is not one of its addresses"


def _room(found: Topology, there: Found, units: list[str]) -> Iterator[str]:
    facts, machine = there.facts, there.machine
    services = {unit.partition("/")[0] for unit in units if found.charms[unit.partition("/")[0]].service}
    memory = sum(found.charms[unit.partition("/")[0]].memory for unit in units) * MEBIBYTE
    if memory > facts.memory_available:
        yield f"{memory // MEBIBYTE} MiB of memory are needed, and {facts.memory_available // MEBIBYTE} MiB are left"
    room = CODE_BYTES + len(services) * ENVIRONMENT_BYTES + len(units) * UNIT_BYTES if units else 0
    free = next((facts.free[each] for each in (machine.directory, ROOTS_DIRECTORY) if each in facts.free), room)
    if room > free:
        needed, left = room // MEBIBYTE, free // MEBIBYTE
        yield f"{needed} MiB on the disk of {machine.directory} are needed, and {left} MiB are left"


def choices_on(
    machines: Mapping[str, Found], choices: Mapping[str, EnvironmentChoice]
) -> dict[str, dict[str, EnvironmentChoice]]:
    """What applications run on each machine: the same, with the interpreter that is there."""
    return {
        name: {
            application: choice.model_copy(update={"python": own[0], "python_version": own[1]})
            for application, choice in choices.items()
            for own in [each.facts.pythons.get(choice.python) or (choice.python, choice.python_version)]
        }
        for name, each in machines.items()
    }


def require_here(placed: Mapping[str, str], what: str) -> None:
    """Return when no unit is on another machine. Raises PlacementUnfit."""
    if placed:
        raise PlacementUnfit(
            f"{what} only where all units are on this machine.",
            evidence="\n".join(f"{unit} is on machine {machine}" for unit, machine in sorted(placed.items())),
        )


def require_reachable(addresses: Mapping[str, str]) -> None:
    """Return when all units can reach one another. Raises PlacementUnfit."""
    local = [f"{unit} at {address}" for unit, address in addresses.items() if address.startswith(LOOPBACK)]
    others = [f"{unit} at {address}" for unit, address in addresses.items() if not address.startswith(LOOPBACK)]
    if local and others:
        raise PlacementUnfit(
            "Units on one machine's loopback cannot be reached by units on others.",
            evidence="\n".join([*local[:5], *others[:5]]),
            next_command="put all units on machines with addresses of a network, with `to`",
        )
