"""What somebody says of something that he depends on."""

from dataclasses import dataclass
from math import inf
from typing import Literal

Sight = Literal[
    "ok", "slow", "failed", "refused", "timed-out", "stopped", "login-refused", "no-space", "certificate", "clock",
    "too-many", "held", "starved",
]  # fmt: skip
"""What was seen. ``failed``: it answers, with an error. ``refused``: nobody listens. ``stopped``: its process does not
run. ``clock``: times of the two are apart. ``too-many``: it has no room for another caller. ``held``: somebody has
stopped its process, which has not ended. ``starved``: its process does not get the processor when it wants to run."""

ONWARD = "onward"
"""Who looks where no unit does: Onward itself."""

LASTING = 3
"""Times in a row after which one who says it is believed: a restart loses one call or two, and a query may be slow."""

SETTLE_SECONDS = 4.0
"""After a change, until everybody who would see it has."""
GIVEN_TIME = 0
"""Times of what is said to be out of reach of one that has only just begun."""

NO_ANSWER: frozenset[Sight] = frozenset({"refused", "timed-out"})
"""What somebody saw who asked and was told nothing."""
SERVED: frozenset[Sight] = frozenset({"ok", "slow"})
"""What somebody saw who asked and was given what he wanted."""
NO_NOISE = frozenset({"login-refused", "no-space", "certificate", "clock", "stopped", "held", "starved"})
"""What neither a restart nor a busy moment brings about: believed when it is said once."""


@dataclass(frozen=True)
class Observation:
    """One says of another what he saw the last times that he used it."""

    user: str
    """The unit that says it (nova-api/0), or ONWARD."""
    about: str
    """A unit, or an application that is reached through a balancer. The same as ``user``: of its own machine."""
    saw: Sight
    since: float
    """When it began to be so, in seconds since 1970."""
    times: int = LASTING
    """How often in a row. GIVEN_TIME: as if nobody had said it, whoever says the same."""
    detail: str = ""
    """For people: an error's class and number, an address. No secret."""
    until: float = inf
    """When it was so last, in seconds since 1970, where nobody knows whether it still is: it was not used since."""


def latest(observations: tuple[Observation, ...]) -> tuple[Observation, ...]:
    """Of each who says something of another what he said last, in a fixed order; later is believed."""
    found: dict[tuple[str, str], Observation] = {}
    for each in sorted(observations, key=lambda each: (each.since, each.user, each.about, each.saw, each.detail)):
        found[each.user, each.about] = each
    return tuple(found[key] for key in sorted(found))
