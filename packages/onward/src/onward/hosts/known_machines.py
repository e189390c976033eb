"""The machines of a model as they are remembered, and how each is opened."""

import json
from collections.abc import Iterable
from pathlib import Path

from onward.errors import ModelUnknown
from onward.hosts.model_store import ModelStore
from onward.hosts.private_file import write_private
from onward.hosts.ssh import SshAccess, known_keys
from onward.hosts.state import Directories
from onward.model.machine import KnownMachine, RemoteMachine, SshAddress


def machines_of(store: ModelStore) -> dict[str, RemoteMachine]:
    """Those that are reached over SSH, by name."""
    told = store.record().get("machines", {}) if store.exists else {}
    return {name: RemoteMachine.model_validate({"name": name, **each}) for name, each in told.items()}


def machine_of(store: ModelStore, name: str) -> RemoteMachine:
    """One of them. Raises ModelUnknown where nothing is remembered of it."""
    found = machines_of(store)
    if name not in found:
        raise ModelUnknown(f"{store.directory.name} remembers no machine {name}.", evidence=", ".join(found))
    return found[name]


def access_of(machine: RemoteMachine, directories: Directories) -> SshAccess:
    """How one that is remembered is opened."""
    return access(machine.name, machine.address, machine.identity, directories, sudo=machine.sudo)


def access(name: str, address: SshAddress, identity: str | None, directories: Directories, *, sudo: bool) -> SshAccess:
    """How a machine is opened: with keys that ssh or ``onward hosts add`` have recorded."""
    return SshAccess(
        name=f"machine {name}", address=address, known_hosts=known_hosts(directories), identity=identity, sudo=sudo
    )


def recorded_machines(directories: Directories) -> dict[str, KnownMachine]:
    """Those that ``onward hosts add`` has recorded, by name."""
    path = directories.machines
    told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    return {each["name"]: KnownMachine.model_validate(each) for each in told}


def record_machines(directories: Directories, machines: Iterable[KnownMachine]) -> None:
    """Have these recorded as well, in place of those of the same name; a rack is kept where now none is told."""
    known = recorded_machines(directories)
    for each in machines:
        rack = each.rack or (known[each.name].rack if each.name in known else None)
        known[each.name] = each.model_copy(update={"rack": rack})
    write_private(directories.machines, json.dumps([each.model_dump() for each in known.values()], indent=1))


def record_rack(directories: Directories, address: SshAddress, rack: str) -> None:
    """Have the rack of the machine at this address recorded, and the machine with it where it is not known yet."""
    place = (address.host, address.port)
    known = [
        each for each in recorded_machines(directories).values() if (each.address.host, each.address.port) == place
    ]
    machines = known or [KnownMachine(name=address.host, address=address)]
    record_machines(directories, [each.model_copy(update={"rack": rack}) for each in machines])


def without_key(directories: Directories, machines: Iterable[KnownMachine]) -> list[str]:
    """Those of which no key is known, so that they cannot be reached."""
    known = known_keys(known_hosts(directories))
    return [each.name for each in machines if not known.match(each.address.host, "", each.address.port)[0]]


def opened(machine: KnownMachine, directories: Directories, seconds: float) -> SshAccess:
    """How one of them is opened."""
    return SshAccess(
        name=machine.name,
        address=machine.address,
        known_hosts=known_hosts(directories),
        identity=machine.identity,
        sudo=machine.sudo,
        connect_seconds=seconds,
    )


def known_hosts(directories: Directories) -> tuple[Path, ...]:
    """The files of known keys, Onward's own first."""
    return (directories.known_hosts, Path.home() / ".ssh/known_hosts", Path("/etc/ssh/ssh_known_hosts"))
