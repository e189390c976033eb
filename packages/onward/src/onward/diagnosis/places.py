"""What of a model is found where, so that what a unit says of an address is known to be said of a unit."""

from collections.abc import Mapping
from dataclasses import dataclass

from onward.plan.deployment.site import NETWORKS, Site, balancer_address
from onward.plan.deployment.topology import Topology


@dataclass(frozen=True)
class Places:
    """A unit, or an application that is reached through a balancer, by how its users name it."""

    by_address: Mapping[str, str]
    """``ADDRESS:PORT``."""
    by_type: Mapping[str, str]
    """The type of a service in Keystone's catalogue: identity."""
    by_queue: Mapping[str, str]
    """The topic of a call through the broker: conductor."""

    def named(self, component: str) -> str | None:
        """Whom a component of onward-service means: ``KIND:TARGET``. None where it is nothing of this model."""
        kind, _, target = component.partition(":")
        if kind == "rpc":
            return self.by_queue.get(target)
        if kind == "service" and target in self.by_type:
            return self.by_type[target]
        return self.by_address.get(target.partition("/")[0])


def places_of(found: Topology, site: Site) -> Places:
    """Those of a model."""
    by_address: dict[str, str] = {}
    by_type: dict[str, str] = {}
    by_queue: dict[str, str] = {}
    for name, charm in found.charms.items():
        units = found.units(name)
        for unit in units:
            by_address |= {f"{site.addresses[unit]}:{port}": unit for port in charm.ports.values()}
        balancer = found.balancer(name)
        reached = units[0] if len(units) == 1 else name
        if balancer is not None:
            for network in NETWORKS:
                address = site.addresses.get(balancer_address(balancer, network))
                by_address |= {f"{address}:{port}": reached for port in charm.ports.values() if address}
        by_type |= {each.type: reached for each in charm.registers}
        for process in charm.processes:
            if process.ready is not None and process.ready.queue:
                by_queue[process.ready.queue.partition(".")[0]] = reached
    return Places(by_address, by_type, by_queue)
