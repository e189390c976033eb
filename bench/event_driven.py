"""A bundle deployed by events: a model of the hooks that Juju delivers, played until nothing is left to be told.

The rules are those of Juju's documentation, https://documentation.ubuntu.com/juju/latest/reference/hook/ (what triggers
install, config-changed, start, leader-elected, leader-settings-changed, relation-created, relation-joined and
relation-changed), read in its source, docs/reference/hook.md of github.com/juju/juju at 0100828:

* A unit has install, once and before all else; relation-created for each relation that its application is in, that of
  its peers among them, before it starts; leader-elected, or leader-settings-changed where it does not lead;
  config-changed; start.
* relation-joined runs once for each unit at the other end, or each other unit among peers; the next hook in that
  relation is relation-changed for that unit. A unit without peers sees neither.
* relation-changed runs again whenever a unit at the other end has changed its settings. What a hook writes is told when
  it has ended, the net change of it, and never to the unit itself.

What is written is what Onward's charms say that they need of each other, by charms that are as sparing as can be:

* What a unit knows from the beginning (its address, what it asks for) is written in relation-created, so that it is
  there when others join.
* An answer is given by the leader alone, once for all units that ask, as the documentation advises; when the leader has
  what it needs itself and its peers have become one cluster.
* The leader of an API behind a load balancer says so when it has heard of the balancer's address.
* A unit that has changed several times before its neighbour has looked is looked at once. No hook fails, and there is
  no update-status.

So the number of hooks is what such a deployment needs at least.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

from onward.plan.deployment.topology import BALANCED, Topology


@dataclass(frozen=True)
class Line:
    """A relation as Juju has it: the applications at its two ends, which are one where it is among peers."""

    number: int
    requirer: str
    provider: str
    asks: bool = False
    balances: bool = False

    @property
    def peers(self) -> bool:
        """Whether it is among units of one application."""
        return self.requirer == self.provider


Hook = tuple[str, int, str]
"""What runs, in which relation, for which other unit; -1 and nothing where it is of the unit alone."""


class Hooks:
    """All units of a bundle, what each has heard, and what has yet to be told to it."""

    def __init__(self, found: Topology) -> None:
        self.ran: Counter[str] = Counter()
        self._units = {name: found.units(name) for name in found.applications}
        self._lines = list(_lines(found))
        self._of = {
            name: [line for line in self._lines if name in (line.requirer, line.provider)] for name in self._units
        }
        self._waiting: dict[str, deque[Hook]] = {}
        self._joined: set[tuple[str, int, str]] = set()
        self._published: dict[tuple[str, int], str] = {}
        self._heard: dict[tuple[str, int], dict[str, str]] = {}
        for name, units in self._units.items():
            for unit in units:
                self._waiting[unit] = deque(self._beginning(name, unit))

    def play(self) -> Counter[str]:
        """Run hooks until none is left; units run one hook each at the same time. Returns how many ran, by kind."""
        while busy := [unit for unit, waiting in self._waiting.items() if waiting]:
            for unit in busy:
                self._run(unit, self._waiting[unit].popleft())
            # What hooks have written is told when they have ended.
            for unit in busy:
                self._tell(unit)
        return self.ran

    def _beginning(self, name: str, unit: str) -> Iterator[Hook]:
        yield ("install", -1, "")
        for line in self._of[name]:
            yield ("relation-created", line.number, "")
        yield ("leader-elected" if unit == self._units[name][0] else "leader-settings-changed", -1, "")
        yield ("config-changed", -1, "")
        yield ("start", -1, "")
        for line in self._of[name]:
            for other in self._others(line, unit):
                yield ("relation-joined", line.number, other)

    def _run(self, unit: str, hook: Hook) -> None:
        kind, number, other = hook
        self.ran[kind] += 1
        if kind == "relation-joined":
            self._joined.add((unit, number, other))
            self._waiting[unit].appendleft(("relation-changed", number, other))
        elif kind == "relation-changed":
            self._heard.setdefault((unit, number), {})[other] = self._published.get((other, number), "")

    def _tell(self, unit: str) -> None:
        """Have everybody who is concerned look at what the unit has changed."""
        name = unit.partition("/")[0]
        for line in self._of[name]:
            settings = self._settings(line, name, unit)
            if settings == self._published.get((unit, line.number), "address"):
                continue
            self._published[unit, line.number] = settings
            for other in self._others(line, unit):
                hook = ("relation-changed", line.number, unit)
                if (other, line.number, unit) in self._joined and hook not in self._waiting[other]:
                    self._waiting[other].append(hook)

    def _settings(self, line: Line, name: str, unit: str) -> str:
        """What the unit has to say in a relation, after what it has heard."""
        heard = self._heard.get((unit, line.number), {})
        if line.peers:
            return "knows all" if len(heard) == len(self._units[name]) - 1 else "address"
        if unit != self._units[name][0]:
            return "address"
        if line.balances:
            return "balanced address" if name == line.requirer and heard else "address"
        if name == line.provider and line.asks and heard and self._serves(name, unit):
            return f"answer{self._balanced(name, unit)}"
        return "address"

    def _serves(self, name: str, unit: str) -> bool:
        """Whether the unit has what it needs, and its peers have become one cluster."""
        for line in self._of[name]:
            heard = self._heard.get((unit, line.number), {})
            if line.peers:
                if sum(said == "knows all" for said in heard.values()) < len(self._units[name]) - 1:
                    return False
            elif line.requirer == name and not line.balances:
                said = heard.get(self._units[line.provider][0])
                if said is None or (line.asks and not said.startswith("answer")):
                    return False
        return True

    def _balanced(self, name: str, unit: str) -> str:
        balancers = (self._heard.get((unit, line.number), {}) for line in self._of[name] if line.balances)
        return " at the balanced address" if any("balanced address" in said.values() for said in balancers) else ""

    def _others(self, line: Line, unit: str) -> Iterator[str]:
        name = unit.partition("/")[0]
        other = line.provider if name == line.requirer else line.requirer
        return (each for each in self._units[other] if each != unit)


def _lines(found: Topology) -> Iterator[Line]:
    number = 0
    for name, charm in found.charms.items():
        if charm.cluster is not None:
            yield Line(number, name, name)
            number += 1
    for relation in found.relations:
        provider, endpoint = relation.provider
        yield Line(
            number,
            relation.requirer[0],
            provider,
            asks=found.charms[provider].provides[endpoint].grants is not None,
            balances=relation.interface == BALANCED,
        )
        number += 1


def hooks(found: Topology) -> Counter[str]:
    """How many hooks of each kind run until a bundle is deployed."""
    return Hooks(found).play()
