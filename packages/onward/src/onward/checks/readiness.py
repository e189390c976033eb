"""Turns looks at a cloud into findings. Pure, but for the looks it is given."""

from collections.abc import Callable
from typing import TypeVar

from onward.checks.finding import Finding, finding_of
from onward.errors import OnwardError

Seen = TypeVar("Seen")


class Readiness:
    """Collects what was found, in order. A look that is refused is a failed finding, not the end of the checks."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def look(
        self,
        name: str,
        look: Callable[[], Seen],
        describe: Callable[[Seen], str] = lambda _seen: "",
    ) -> Seen | None:
        """Look; return what was seen, or None where that was refused."""
        try:
            seen = look()
        except OnwardError as error:
            self.findings.append(finding_of(name, error, "fail"))
            return None
        self.findings.append(Finding(name, "pass", describe(seen)))
        return seen
