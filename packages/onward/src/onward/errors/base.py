"""What all errors share: a code, what happened, the evidence, the state now, and what to type next.

The docstring of a class is its page in the documentation: what it means, what usually causes it, how to go on. An
instance adds the facts of the case.
"""

from typing import Any, ClassVar

DONE = 0
FAILED = 1
USAGE = 2
DIFFERENCES = 3
REFUSED = 4
PAUSED = 5
LOCKED_OR_STALE = 6
BUG = 70
NOTHING_TOUCHED = "Nothing was touched."
SIGNALLED = 128
"""Added to the number of the signal that ended Onward, as shells do it."""


class OnwardError(Exception):
    """Base of all errors that Onward raises on purpose.

    ``what`` is one sentence; ``evidence`` is what was measured (a command's last lines, a revision, a path);
    ``state`` is the state of the user's cloud and of the run now; ``next_command`` is what to type next.
    """

    code: ClassVar[str] = "OW000"
    exit_status: ClassVar[int] = FAILED

    def __init__(self, what: str, *, evidence: str = "", state: str = "", next_command: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.evidence = evidence
        self.state = state or (NOTHING_TOUCHED if self.exit_status == REFUSED else "")
        self.next_command = next_command

    def as_data(self) -> dict[str, Any]:
        """The error as JSON data: the shape that events, ``-f json`` and reports share."""
        return {
            "code": self.code,
            "exit_status": self.exit_status,
            "what": self.what,
            "evidence": self.evidence,
            "state": self.state,
            "next_command": self.next_command,
        }


class Refused(OnwardError):
    """Base of the errors that are found before anything is touched (exit status 4)."""

    exit_status = REFUSED


class Bug(OnwardError):
    """Something happened that Onward did not foresee. Please report it with the run's directory."""

    code = "OW999"
    exit_status = BUG


def from_data(data: dict[str, Any]) -> OnwardError:
    """The error that :meth:`OnwardError.as_data` described, for showing a journaled failure again."""
    kind = by_code().get(str(data.get("code")), Bug)
    return kind(
        str(data.get("what", "")),
        evidence=str(data.get("evidence", "")),
        state=str(data.get("state", "")),
        next_command=str(data.get("next_command", "")),
    )


def by_code() -> dict[str, type[OnwardError]]:
    """All concrete error classes by code, in the order of their codes."""
    found: dict[str, type[OnwardError]] = {}
    pending: list[type[OnwardError]] = [OnwardError]
    while pending:
        for kind in pending.pop().__subclasses__():
            pending.append(kind)
            if "code" in kind.__dict__:
                found[kind.code] = kind
    return dict(sorted(found.items()))
