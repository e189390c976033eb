"""A finding: what a check has to say of one thing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Result = Literal["pass", "warn", "fail", "could-not-tell"]
_ORDER: tuple[Result, ...] = ("fail", "could-not-tell", "warn", "pass")


@dataclass(frozen=True)
class Finding:
    """One line of a check's answer. A check that could not find out says so; it never passes."""

    name: str
    result: Result
    details: str = ""
    way_out: str = ""


def worst(findings: Iterable[Finding]) -> Result:
    """The result that counts for all of them together; ``pass`` where there are none."""
    results = {finding.result for finding in findings}
    return next((result for result in _ORDER if result in results), "pass")
