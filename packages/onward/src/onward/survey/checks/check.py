"""What a check is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from onward.checks.finding import Finding
from onward.survey.checks.context import CheckContext

Look = Callable[[CheckContext], Iterable[Finding]]
Needs = Literal["cloud file", "api", "nothing"]

CHECK_SECONDS = 60.0
"""A check that takes longer could not tell, unless the table gives it another time."""


@dataclass(frozen=True)
class Check:
    """A check: a function that looks and says what it found.

    It yields at least one finding, ``pass`` for what it looked at and found in order; ``not-checked`` where there is
    nothing of its kind in this cloud. What it raises, a time that runs out and an empty answer are ``could-not-tell``.
    """

    name: str
    look: Look
    needs: Needs = "cloud file"
    """Without it the check is not called, and what it needs is said. A check that needs a cloud file may use the API
    as well, where there is one."""
    only_to_move: bool = False
    """It has something to say only where a target series was named."""
    each_service: bool = False
    """It is called once for each service, side by side, with a context that has this service alone."""
    timeout_seconds: float | None = CHECK_SECONDS
    """None: it keeps to times of its own."""
    distribution: str = ""
    """Whose plug-in it is; empty for Onward's own."""
