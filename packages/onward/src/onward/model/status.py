"""How a deployed model is, as it was seen."""

from dataclasses import dataclass
from typing import Literal

State = Literal["active", "starting", "waiting", "failed", "stopped", "unreachable", "leaving"]


@dataclass(frozen=True)
class UnitStatus:
    """A unit in one line."""

    name: str
    state: State
    address: str
    processes: tuple[str, ...]
    """Each process with its process id."""
    message: str
    """Why it is not active."""


@dataclass(frozen=True)
class ModelStatus:
    """A model: its units, and what is to be said of it as a whole."""

    units: tuple[UnitStatus, ...]
    said: tuple[str, ...]
    at_work: tuple[tuple[str, float], ...] = ()
    """Steps of a run that are at work, each with the time at which it began."""
