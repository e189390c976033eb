"""Whether this process may still change anything.

A controller that shares its work with others may only while its lease holds, and while nobody has taken its run over;
any other process always may. What changes something asks just before: programs that are run, files that are written.
"""

import os
import time
from pathlib import Path

from onward.errors import LeaseLost


def now() -> float:
    """Seconds on a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Fence:
    """What is known of this process's lease. One for the process; may be asked by any thread."""

    def __init__(self) -> None:
        self._until: float | None = None
        self._term: tuple[Path, int] | None = None

    def hold_until(self, until: float | None) -> None:
        """The lease holds until this time of :func:`now`; None: there is none to hold."""
        self._until = until

    def lead(self, path: Path, term: int) -> None:
        """From now on only who has this term, or a later one, may act on what this file stands for."""
        path.parent.mkdir(exist_ok=True, mode=0o700)
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        unfinished.write_text(str(term))
        os.replace(unfinished, path)
        self._term = (path, term)

    def leave(self) -> None:
        """Nothing is led any more."""
        self._term = None

    def require(self) -> None:
        """Return when this process may change something now. Raises LeaseLost."""
        if self._until is not None and now() >= self._until:
            raise LeaseLost(
                "This controller's lease has run out.",
                evidence=f"{now() - self._until:.1f} s ago",
                state="It does nothing more; another controller goes on with its work.",
            )
        if self._term is not None:
            path, term = self._term
            latest = int(path.read_text())
            if latest != term:
                raise LeaseLost(
                    "Another controller has taken this run over.",
                    evidence=f"this one's term is {term}, that of the other is {latest}",
                    state="It does nothing more; the other controller goes on.",
                )


FENCE = Fence()
"""That of this process."""
