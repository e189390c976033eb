"""Where a model is deployed: directories, addresses, programs, environments. Found out before planning."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath

from onward.model.container import ContainerImage
from onward.model.deployment import name_in_paths


@dataclass(frozen=True)
class Place:
    """What of a machine its units depend on."""

    directory: PurePath
    """Of the model; each unit has one of its own below it."""
    sockets: PurePath
    user: str
    programs: Mapping[str, str]
    environments: Mapping[str, str] = field(default_factory=dict)
    """Directories of the services' environments, by application."""
    owner: str = ""
    """Of another machine: the name of the controller that its units belong to."""
    runtime: str = ""
    """Of another machine: which of Onward's own code carries out steps there."""


@dataclass(frozen=True)
class Site:
    """Everything of this machine, and of the others of the model, that a deployment depends on."""

    model: str
    directory: PurePath
    """Of the model; each unit has one of its own below it."""
    sockets: PurePath
    """A directory with a path short enough for sockets."""
    user: str
    """Who runs the processes."""
    network: int
    """Second number of all its addresses."""
    addresses: Mapping[str, str]
    """By unit, and by ``APPLICATION NETWORK`` for the addresses of load balancers."""
    programs: Mapping[str, str]
    """Paths of the servers' programs, by the name that a charm gives."""
    environments: Mapping[str, str] = field(default_factory=dict)
    """Directories of the services' environments, by application."""
    series: Mapping[str, str] = field(default_factory=dict)
    """Which release each application of a service is deployed at."""
    mutable: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Options of the bundle, by application, that the release takes over without a restart."""
    health_code: str = ""
    """Digest of the code of onward-service that APIs shall have."""
    images: Mapping[str, ContainerImage] = field(default_factory=dict)
    """By application, for those whose units run from one; their environments are directories of it."""
    machines: Mapping[str, str] = field(default_factory=dict)
    """By unit, the machine where it is; units that are not named are on this one."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """By machine; this one has none."""

    def place(self, unit: str | None) -> Place:
        """What of its machine a unit depends on."""
        machine = self.machines.get(unit or "")
        if machine is not None:
            return self.places[machine]
        return Place(self.directory, self.sockets, self.user, self.programs, self.environments)

    def unit_directory(self, unit: str) -> PurePath:
        """The unit's own directory, on its machine."""
        return self.place(unit).directory / "units" / name_in_paths(unit)

    def socket(self, unit: str) -> str:
        """The path of the unit's socket."""
        return str(self.place(unit).sockets / f"{name_in_paths(unit)}.sock")


NETWORKS = ("public", "internal")
"""The networks that a load balancer serves, each with an address of its own."""


def balancer_address(application: str, network: str) -> str:
    """The name under which the address of a load balancer on a network is kept."""
    return f"{application} {network}"
