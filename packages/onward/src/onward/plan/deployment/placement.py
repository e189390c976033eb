"""On which machine each unit is: where the bundle puts it, and from then on where it is. Pure.

https://documentation.ubuntu.com/juju/3.6/reference/placement-directive/ has the words of ``to``.
"""

from collections.abc import Container, Iterable, Mapping, Sequence

from onward.model.bundle import Bundle, BundleApplication, Machine
from onward.model.machine import KnownMachine

LOOPBACK = "127."
MACHINE = "machine "
"""Begins the name of a seat that is a machine."""


def placed(
    bundle: Bundle, numbers: Mapping[str, Sequence[int]], before: Mapping[str, str], present: Iterable[str]
) -> dict[str, str]:
    """The machine of every unit that is not on this one, by unit; only machines that are reached over SSH.

    ``before`` are the machines that units were given earlier, ``present`` the units of which there is something: those
    stay where they are, whatever the bundle says now.
    """
    stay = set(present)
    chosen: dict[str, str | None] = {}
    for unit in (f"{name}/{number}" for name, each in numbers.items() for number in each):
        _, machine = _put(bundle.applications, numbers, unit, bundle.machines)
        entry = bundle.machines.get(machine or "")
        chosen[unit] = machine if entry is not None and entry.ssh is not None else None
    chosen |= {unit: before.get(unit) for unit in chosen if unit in stay}
    # Units that go are where they were.
    chosen |= {unit: before[unit] for unit in stay if unit in before}
    return {unit: machine for unit, machine in chosen.items() if machine is not None}


def seat(applications: Mapping[str, BundleApplication], numbers: Mapping[str, Sequence[int]], unit: str) -> str:
    """What a unit is put on: a machine of the bundle, or the unit that it is beside; itself where nothing is said.

    Units of one seat lose each other together, and nobody else.
    """
    beside, machine = _put(applications, numbers, unit)
    return beside if machine is None else f"{MACHINE}{machine}"


def racks_of(machines: Mapping[str, Machine], known: Iterable[KnownMachine]) -> dict[str, str]:
    """The racks of a bundle's machines, by machine: as the bundle says, else as is known of whoever has the address."""
    by_address = {(each.address.host, each.address.port): each.rack for each in known}
    told = {
        name: each.rack or (by_address.get((each.ssh.host, each.ssh.port)) if each.ssh is not None else None)
        for name, each in machines.items()
    }
    return {name: rack for name, rack in told.items() if rack}


def _put(
    applications: Mapping[str, BundleApplication],
    numbers: Mapping[str, Sequence[int]],
    unit: str,
    machines: Container[str] = (),
    seen: int = 0,
) -> tuple[str, str | None]:
    """The unit whose place a unit shares, and the machine that this one is put on; None where the bundle names none.

    What ``machines`` has is a machine even where an application has its name.
    """
    name, _, number = unit.partition("/")
    entry, position = applications[name], numbers[name].index(int(number))
    if position >= len(entry.to) or seen > len(applications):
        return unit, None
    _, _, inside = entry.to[position].rpartition(":")
    if inside == "new":
        return unit, None
    other, slash, its_number = inside.partition("/")
    if inside in machines or other not in applications:
        return unit, inside
    there = int(its_number) if slash else next(iter(numbers[other][position:]), None)
    if there is None or there not in numbers[other]:
        return unit, None
    return _put(applications, numbers, f"{other}/{there}", machines, seen + 1)


def addresses_of(bundle: Bundle, machine: str) -> tuple[str, ...]:
    """Where units of a machine may listen. None: it stands on this machine's own loopback, and has all of it."""
    entry = bundle.machines[machine]
    if entry.addresses or entry.ssh is None:
        return entry.addresses
    return () if entry.ssh.host.startswith(LOOPBACK) else (entry.ssh.host,)


def given_addresses(
    wanted: Mapping[str, tuple[str, frozenset[int]]], allowed: Mapping[str, Sequence[str]], before: Mapping[str, str]
) -> tuple[dict[str, str], list[str]]:
    """Addresses for what is on machines that have some of their own, and what has found none.

    ``wanted`` has, by name, the machine and the ports that are listened at; ``allowed`` the addresses of each machine.
    What has one already keeps it as long as the machine has it. Two that share a port get two addresses.
    """
    taken: dict[tuple[str, str], set[int]] = {}
    given, without = {}, []
    for name in sorted(wanted, key=lambda each: each not in before):
        machine, ports = wanted[name]
        mine = [each for each in allowed[machine] if each == before.get(name)]
        for address in (*mine, *allowed[machine]):
            if not taken.get((machine, address), set()) & ports:
                taken.setdefault((machine, address), set()).update(ports)
                given[name] = address
                break
        else:
            without.append(name)
    return given, without
