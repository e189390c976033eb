"""The times of one run: pure data, as it is shown, kept in a baseline and compared."""

import re
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

LONGEST_GAP = 2.0
"""Seconds without any running step that belong to a run's time; what is longer was a pause or a crash."""
_UNIT = re.compile(r".+/\d+")
_NUMBER = re.compile(r"/\d+$")


class Kept(BaseModel):
    """Base of all that is kept of times: immutable, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StepTime(Kept):
    """A step that has ended. Times are seconds since the epoch."""

    id: str
    action: str
    target: str
    needs: tuple[str, ...] = ()
    began: float
    ended: float
    built: bool = Field(default=False, description="It made what other runs find in the cache")

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max(self.ended - self.began, 0.0)

    @property
    def unit(self) -> str:
        """The unit that it is about, such as ``keystone/0``; empty for a step of an application or of the whole."""
        return self.target if _UNIT.fullmatch(self.target) else ""

    @property
    def work(self) -> str:
        """What it does, whichever unit it is done for: ``start/keystone``. Steps of one work can be compared."""
        name = _NUMBER.sub("", self.id) if self.unit else self.id
        return f"{name} (built)" if self.built else name


class RunTimes(Kept):
    """A run: which it was, and its steps that have ended."""

    run: str
    kind: str
    cloud: str
    begun: float
    steps: tuple[StepTime, ...] = Field(min_length=1)

    @property
    def began(self) -> float:
        """When its first step began, in seconds since the epoch."""
        return min(step.began for step in self.steps)

    @property
    def ended(self) -> float:
        """When its last step ended."""
        return max(step.ended for step in self.steps)

    @property
    def idle(self) -> float:
        """Seconds between the first step and the last in which no step ran, because it was paused or had crashed."""
        return sum(gap for gap in _gaps(self.steps) if gap > LONGEST_GAP)

    @property
    def seconds(self) -> float:
        """How long it took, without the time for which it was paused."""
        return self.ended - self.began - self.idle


class Baseline(Kept):
    """Runs of the same kind that later ones are held against."""

    format: Literal[1] = 1
    name: str
    runs: tuple[RunTimes, ...] = Field(min_length=1)


def _gaps(steps: Iterable[StepTime]) -> Iterable[float]:
    """The seconds between one moment in which some step ran and the next one."""
    until: float | None = None
    for step in sorted(steps, key=lambda each: each.began):
        if until is not None and step.began > until:
            yield step.began - until
        until = step.ended if until is None else max(until, step.ended)
