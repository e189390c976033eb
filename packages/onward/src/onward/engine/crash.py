"""Named places at which a test may kill the process, to show that a run survives it."""

import os
import signal
from threading import Lock

CRASH_POINTS = (
    "run.locked",
    "step.handed-out",
    "step.begun",
    "step.effect-done",
    "step.recorded",
    "step.told",
    "run.finished",
)
"""The engine's own points, in the order a run meets them.

``step.effect-done`` lies between an action's effect and its record: there the action will be run a second time.
"""

_VARIABLE = "ONWARD_CRASH_AT"
_wanted = os.environ.get(_VARIABLE)
_hits = 0
_lock = Lock()


def crash_point(name: str) -> None:
    """Kill this process with SIGKILL if ONWARD_CRASH_AT is ``name``, or ``name#N`` at its N-th passing."""
    if _wanted is None:
        return
    wanted, _, number = _wanted.partition("#")
    if wanted != name:
        return
    global _hits  # noqa: PLW0603 - the process is the thing that is counted for
    with _lock:
        _hits += 1
        if _hits >= int(number or 1):
            os.kill(os.getpid(), signal.SIGKILL)
