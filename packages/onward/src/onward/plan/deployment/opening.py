"""In which order the units of an application are started, and when it is open to its callers. Pure."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from onward.plan.deployment.granting import grant_id
from onward.plan.deployment.serving import only_answers, serves
from onward.plan.deployment.topology import Topology
from onward.plan.deployment.words import Words


class Opening:
    """Who waits for whom.

    Of services that move, what does nothing but answer calls waits for no other service that moves: it asks them when
    it is asked itself. It is opened with its first unit: to start is to import the release's code, which takes all
    processors, and one unit is sooner there than all.
    """

    def __init__(
        self, topology: Topology, words: Mapping[str, Words], moving: AbstractSet[str], granted: AbstractSet[str]
    ) -> None:
        """``moving``: applications that go to another release; ``granted``: grants that have been made before."""
        self._topology = topology
        self._words = words
        self._moving = moving
        self._granted = granted

    def needs(self, name: str) -> tuple[str, ...]:
        """The steps after which everything that the application needs for its start serves it."""
        alone = self._alone(name)
        found: dict[str, None] = {}
        for relation in self._topology.used_by(name):
            provider, grant = relation.provider[0], grant_id(relation)
            granted = self._topology.grants(relation) is not None
            if alone and (grant in self._granted if granted else provider in self._moving):
                continue
            found.update(dict.fromkeys((grant,) if granted else serves(self._topology, provider)))
        return tuple(found)

    def later(self, name: str) -> tuple[str, ...]:
        """Its units that are started when its first one answers its callers already."""
        opens = self._alone(name) and self._topology.balancer(name) is not None
        return self._topology.units(name)[1:] if opens else ()

    def _alone(self, name: str) -> bool:
        return name in self._moving and only_answers(self._words[name])
