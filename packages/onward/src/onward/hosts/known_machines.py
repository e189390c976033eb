"""The machines of a model as they are remembered, and how each is opened."""

from pathlib import Path

from onward.errors import ModelUnknown
from onward.hosts.model_store import ModelStore
from onward.hosts.ssh import SshAccess
from onward.hosts.state import Directories
from onward.model.machine import RemoteMachine, SshAddress


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


def known_hosts(directories: Directories) -> tuple[Path, ...]:
    """The files of known keys, Onward's own first."""
    return (directories.known_hosts, Path.home() / ".ssh/known_hosts", Path("/etc/ssh/ssh_known_hosts"))
