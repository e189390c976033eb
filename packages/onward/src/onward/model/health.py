"""What an API with onward-service tells of what its calls found. Pure data."""

from dataclasses import dataclass
from typing import Literal

HealthState = Literal["pass", "warn", "fail", "silent", "not told"]
"""``silent``: it does not answer. ``not told``: its bundle has not chosen that it tells."""


@dataclass(frozen=True)
class ComponentHealth:
    """What the calls of a unit found of one thing that it uses."""

    name: str
    """``KIND:TARGET``: sql:127.16.0.2:3306/keystone, service:identity."""
    state: HealthState
    age_seconds: float
    """Since it was used last."""
    latency_ms: float
    """Of its last uses, smoothed."""
    usual_ms: float
    """The same of the last some hundred; 0 where the unit does not say."""
    uses: int
    losses: int
    """Uses that were not answered."""
    note: str
    """Why it is not well: the class of an error and its number; empty where it is."""


@dataclass(frozen=True)
class UnitHealth:
    """What a unit tells of itself."""

    unit: str
    application: str
    state: HealthState
    components: tuple[ComponentHealth, ...] = ()
    notes: tuple[str, ...] = ()
    seconds_apart: float | None = None
    """By how much the unit's clock is ahead of that of whoever asked; None where it does not say what time it is."""
