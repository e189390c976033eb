"""RabbitMQ's releases: from which to which it can be upgraded, and what that takes."""

from functools import cache
from importlib.resources import files
from itertools import pairwise

from pydantic import Field, model_validator

from onward.catalog.fact import Fact
from onward.catalog.validation import validated

_FILE = "rabbitmq.yaml"


class Hop(Fact):
    """One step of an upgrade, between two release series: 3.11 to 3.12."""

    source: str = Field(alias="from", pattern=r"^\d+\.\d+$")
    to: str = Field(pattern=r"^\d+\.\d+$")
    least: str | None = Field(default=None, pattern=r"^\d+\.\d+\.\d+$", description="Patch release it may begin from")


class RabbitMq(Fact):
    """What is known of RabbitMQ's releases. Its sources stand in the file."""

    hops: tuple[Hop, ...]
    required: dict[str, tuple[str, ...]] = Field(description="Feature flags without which a release does not start")
    opt_in: tuple[str, ...] = Field(description="Stable feature flags that nobody has to enable")
    deployed: dict[str, str] = Field(description="The release that Kolla deploys, by OpenStack series")

    @model_validator(mode="after")
    def _in_order(self) -> "RabbitMq":
        backwards = [f"{hop.source} to {hop.to}" for hop in self.hops if numbers(hop.source) >= numbers(hop.to)]
        grown = [numbers(release) for release in self.deployed.values()]
        if backwards or any(later < earlier for earlier, later in pairwise(grown)):
            raise ValueError(f"no upgrade goes backwards: {', '.join(backwards) or 'deployed'}")
        return self

    def way(self, source: str, target: str) -> tuple[str, ...]:
        """The fewest release series from one to the other, both included; empty where no way is known."""
        ways: list[tuple[str, ...]] = [(source,)]
        seen = {source}
        for way in ways:
            if way[-1] == target:
                return way
            ahead = [hop.to for hop in self.hops if hop.source == way[-1] and hop.to not in seen]
            # Of two ways that are equally short the one over the later release: it is likelier to be supported still.
            for release in sorted(ahead, key=numbers, reverse=True):
                seen.add(release)
                ways.append((*way, release))
        return ()

    def least(self, source: str, target: str) -> str | None:
        """The patch release that a hop has to begin from, where the documentation asks for one."""
        return next((hop.least for hop in self.hops if (hop.source, hop.to) == (source, target)), None)

    def needed_for(self, source: str, target: str) -> tuple[str, ...]:
        """Feature flags that have to be enabled before a hop: those of all releases after the one that is left."""
        after, until = numbers(source), numbers(target)
        return tuple(
            sorted(
                flag for release, flags in self.required.items() if after < numbers(release) <= until for flag in flags
            )
        )


def numbers(release: str) -> tuple[int, ...]:
    """A version's numbers, for comparing: 3.10 is later than 3.9. What is no number ends it: 4.0.0-rc.1 is 4.0.0."""
    found = []
    for part in release.partition("-")[0].split("."):
        if not part.isdigit():
            break
        found.append(int(part))
    return tuple(found)


def series_of(release: str) -> str:
    """The release series of a version: 3.10 of 3.10.8."""
    return ".".join(str(number) for number in numbers(release)[:2])


@cache
def rabbitmq() -> RabbitMq:
    """The facts of the catalogue. Raises InvalidCatalogue."""
    text = (files("onward.catalog") / "data" / _FILE).read_text(encoding="utf-8")
    return validated(_FILE, text, RabbitMq)
