"""A finding: what a check has to say of one thing."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from onward.errors import OnwardError

Result = Literal["fail", "could-not-tell", "warn", "not-checked", "pass"]
"""``could-not-tell``: it was looked, or should have been, and no answer was had. ``not-checked``: there is nothing
to look at, or nothing to look with, and that is no fault. Neither of them is a pass."""

RESULTS: tuple[Result, ...] = get_args(Result)
"""The worst first."""

STOPPING: tuple[Result, ...] = ("fail", "could-not-tell")
"""The results with which nothing goes on, unless somebody waives them by name."""

QUIET: tuple[Result, ...] = ("pass", "not-checked")
"""The results that nobody has to do anything about: told after all others, and no news when they come or go."""


@dataclass(frozen=True)
class Finding:
    """One line of a check's answer. A check that could not find out says so; it never passes."""

    name: str
    """What was looked at, in the same words every time: waivers name it."""
    result: Result
    details: str = ""
    """What was found, with the evidence."""
    way_out: str = ""
    """What to do, or the command to type; for what does not pass."""
    about: str = ""
    """The unit, node, service or series it is about: ``10.0.0.2:3306``, ``keystone 2024.1``."""
    how: str = ""
    """How it was found out, where that matters: ``read from text``."""
    check: str = ""
    """The check that found it, and the distribution of a plug-in. Filled in by whoever runs the checks."""
    waived: str = ""
    """Why somebody decided that it stops nothing. Filled in from the waivers."""

    @property
    def stops(self) -> bool:
        """Whether nothing may go on before it is mended or waived."""
        return self.result in STOPPING and not self.waived


def in_order_of_gravity(findings: Iterable[Finding]) -> list[Finding]:
    """What stops first, then what was waived, then the rest, the worst first; otherwise in the order given."""
    return sorted(findings, key=lambda each: (not each.stops, not each.waived, RESULTS.index(each.result)))


def finding_of(name: str, error: OnwardError, result: Result = "could-not-tell", about: str = "") -> Finding:
    """What an error says, as a finding."""
    evidence = "; ".join(error.evidence.splitlines()[:3])
    details = f"{error.code}: {error.what}" + (f" ({evidence})" if evidence else "")
    return Finding(name, result, details, error.next_command, about)


def unclear(name: str, why: str, way_out: str = "", about: str = "") -> Finding:
    """A check that could not tell."""
    return Finding(name, "could-not-tell", why, way_out, about)
