"""Is a service fit to be taken to a series? Pure functions from what was observed to findings."""

from collections.abc import Callable
from typing import TypeVar

from onward.checks.finding import Finding
from onward.errors import OnwardError

Answer = TypeVar("Answer")


def finding_of(name: str, look: Callable[[], Answer], describe: Callable[[Answer], str]) -> tuple[Finding, Answer | None]:
    """Turn a look that may be refused into a finding, with what was seen where it succeeded."""
    try:
        seen = look()
    except OnwardError as error:
        details = f"{error.code}: {error.what}" + (f" ({_first_line(error.evidence)})" if error.evidence else "")
        return Finding(name, "fail", details, error.next_command), None
    return Finding(name, "pass", describe(seen)), seen


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""
