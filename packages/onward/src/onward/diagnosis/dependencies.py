"""Who depends on whom, as a deployed model has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from onward.catalog.charms import BROKER
from onward.plan.deployment.topology import Topology


@dataclass(frozen=True)
class Dependencies:
    """Applications with their units, and what each uses."""

    units: Mapping[str, tuple[str, ...]]
    """By application."""
    uses: Mapping[str, tuple[str, ...]]
    """By application, the applications that it cannot do without."""
    machines: Mapping[str, str] = field(default_factory=dict)
    """By unit, where it is; what is not named is with Onward."""
    balancers: Mapping[str, str] = field(default_factory=dict)
    """By application, the one that stands before it and through which its users reach it."""

    @cached_property
    def application(self) -> Mapping[str, str]:
        """By unit, and by itself, the application."""
        found = {unit: name for name, units in self.units.items() for unit in units}
        return found | {name: name for name in self.units}

    @cached_property
    def beneath(self) -> Mapping[str, frozenset[str]]:
        """By application, all that it depends on, directly or not."""
        return {name: self._beneath(name) for name in self.units}

    def _beneath(self, name: str) -> frozenset[str]:
        found: set[str] = set()
        todo = list(self.uses.get(name, ()))
        while todo:
            each = todo.pop()
            if each not in found:
                found.add(each)
                todo += self.uses.get(each, ())
        return frozenset(found)

    def machine(self, unit: str) -> str:
        """Where a unit is; empty: with Onward."""
        return self.machines.get(unit, "")


def dependencies_of(found: Topology, machines: Mapping[str, str]) -> Dependencies:
    """Those of a model. A balancer depends on what stands behind it, as its callers see it.

    Whom an application calls through the broker, it needs too, though the relation is the other one's (Cinder's API
    waits for its scheduler).
    """
    uses: dict[str, list[str]] = {name: [] for name in found.applications}
    for each in found.relations:
        if found.lent_by(each) is None and each.requirer[0] in uses:
            uses[each.requirer[0]].append(each.provider[0])
            if each.provider[0] in uses and _calls(found, each.provider[0], each.requirer[0]):
                uses[each.provider[0]].append(each.requirer[0])
    return Dependencies(
        units={name: found.units(name) for name in found.applications},
        uses={name: tuple(sorted(set(users))) for name, users in uses.items()},
        machines=dict(machines),
        balancers={name: balancer for name in found.applications if (balancer := found.balancer(name)) is not None},
    )


def _calls(found: Topology, caller: str, called: str) -> bool:
    """Whether both have to do with a broker, and one of them is reached by a queue there."""
    asks = any(each.interface == BROKER for each in found.charms[caller].requires.values())
    return asks and any(each.ready is not None and each.ready.queue for each in found.charms[called].processes)
