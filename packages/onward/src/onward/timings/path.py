"""Why a run took as long as it did: the chain of steps that reaches from its beginning to its end."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from onward.timings.run import StepTime

PROMPT_SECONDS = 0.1
"""A step that begins within this time of the end of another one has begun because of it."""


@dataclass(frozen=True)
class Link:
    """A step of the chain, and the seconds that passed between the end of the link before it and its beginning.

    ``for_a_place``: all that it needs was done before, and it waited until fewer steps were running.
    """

    step: StepTime
    waited: float
    for_a_place: bool = False


@dataclass(frozen=True)
class Share:
    """What steps of one action took. ``critical`` are the seconds of those on the chain."""

    action: str
    steps: int
    seconds: float
    longest: float
    critical: float


def critical_path(steps: Iterable[StepTime]) -> tuple[Link, ...]:
    """The chain that ends with the step that ended last, the first link first.

    Before a step comes what it needs that ended last. Where it began later than that, because no more steps may run at
    once, what comes before it is the step whose end gave it its place. Links and what was waited between them add up
    to the time of the run.
    """
    known = {step.id: step for step in steps}
    current = max(known.values(), key=lambda step: (step.ended, step.began), default=None)
    chain: list[Link] = []
    while current is not None:
        before, for_a_place = _before(current, known)
        waited = current.began - before.ended if before is not None else 0.0
        chain.append(Link(current, max(waited, 0.0), for_a_place))
        # What comes before began before, so that the chain has an end whatever a clock did.
        current = before if before is not None and before.began < current.began else None
    return tuple(reversed(chain))


def _before(step: StepTime, known: Mapping[str, StepTime]) -> tuple[StepTime | None, bool]:
    """The step because of whose end this one began, and whether all that it gave was a place."""
    needed = max((known[need] for need in step.needs if need in known), key=lambda each: each.ended, default=None)
    if needed is not None and step.began - needed.ended <= PROMPT_SECONDS:
        return needed, False
    since = needed.ended if needed is not None else float("-inf")
    others = [each for each in known.values() if each.id != step.id and since < each.ended <= step.began]
    freed = max(others, key=lambda each: each.ended, default=None)
    return (needed, False) if freed is None else (freed, True)


def shares(steps: Iterable[StepTime], chain: Iterable[Link]) -> tuple[Share, ...]:
    """Where the time goes by kind of step, the kind that the run waited for longest first."""
    critical: dict[str, float] = {}
    for link in chain:
        critical[link.step.action] = critical.get(link.step.action, 0.0) + link.step.seconds
    found: dict[str, list[float]] = {}
    for step in steps:
        found.setdefault(step.action, []).append(step.seconds)
    told = [
        Share(action, len(seconds), sum(seconds), max(seconds), critical.get(action, 0.0))
        for action, seconds in found.items()
    ]
    return tuple(sorted(told, key=lambda share: (-share.critical, -share.seconds, share.action)))
