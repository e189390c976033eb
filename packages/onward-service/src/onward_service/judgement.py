"""What the observations of all workers amount to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onward_service.observation import Observation, Status


@dataclass(frozen=True)
class Limits:
    """For how long an observation says something. In seconds."""

    retry: float = 30.0
    """After this long a failure only warns. Whoever sends no traffic to what fails would never see it recover."""
    forget: float = 300.0
    """After this long what a worker that has ended saw is not looked at any more."""


@dataclass(frozen=True)
class Component:
    """One component as the unit knows it: what all its workers together have seen."""

    name: str
    status: Status
    at: float
    age: float
    """Seconds since any worker last used it."""
    latency: float
    usual: float
    """What it takes usually, in seconds as the one before."""
    uses: int
    losses: int
    workers: int
    """How many have used it."""
    output: str

    @property
    def kind(self) -> str:
        """``sql``, ``messaging``, ``cache``, ``rpc``, ``service``."""
        return self.name.partition(":")[0]


def components(observations: Iterable[Observation], now: float, limits: Limits) -> tuple[Component, ...]:
    """Every component that anybody knows of, by name."""
    seen: dict[str, list[Observation]] = {}
    for each in observations:
        if each.alive or now - each.at <= limits.forget:
            seen.setdefault(each.component, []).append(each)
    return tuple(_component(name, seen[name], now, limits) for name in sorted(seen))


def _component(name: str, observations: Sequence[Observation], now: float, limits: Limits) -> Component:
    """The newest observation decides; a worker that still has no connection makes a warning of a pass."""
    newest = max(observations, key=lambda each: (each.at, each.status))
    age = max(0.0, now - newest.at)
    status, output = newest.status, newest.reason
    without = [
        each for each in observations if each.alive and each.status is not Status.PASS and now - each.at <= limits.retry
    ]
    if status is Status.PASS and without:
        status = Status.WARN
        output = f"{len(without)} of {len(observations)} workers: {without[0].reason}"
    elif status is Status.FAIL and age > limits.retry:
        status = Status.WARN
        output = f"{output}; not used since, so it may be well again"
    return Component(
        name=name,
        status=status,
        at=newest.at,
        age=age,
        latency=newest.latency,
        usual=newest.usual,
        uses=sum(each.uses for each in observations),
        losses=sum(each.losses for each in observations),
        workers=len(observations),
        output=output,
    )


def whole(found: Iterable[Component], essential: frozenset[str]) -> Status:
    """The service's own status: only what it cannot do without fails it, and a neighbour's failure only warns.

    ``essential`` are kinds of components.
    """
    worst = Status.PASS
    for each in found:
        status = each.status if each.kind in essential else min(each.status, Status.WARN)
        worst = max(worst, status)
    return worst
