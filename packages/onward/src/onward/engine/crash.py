"""Named places at which a test may kill the process, to show that a run survives it."""

import os
import signal
from threading import Lock

CRASH_POINTS = (
    "run.created",
    "run.locked",
    "run.taken-over",
    "step.handed-out",
    "step.announced",
    "step.begun",
    "step.effect-done",
    "step.recorded",
    "step.told",
    "run.closed",
    "run.finished",
)
"""The engine's own points on an undisturbed way, in the order a run meets them.

``step.effect-done`` lies between an action's effect and its record: there the action will be run a second time.
"""

RESUME_POINTS = ("attempt.given-up", "step.told-late")
"""Points that are met only while a run takes over from an earlier life of it."""

VARIABLE = "ONWARD_CRASH_AT"

_hits = 0
_lock = Lock()


def crash_point(name: str) -> None:
    """Kill this process with SIGKILL if ONWARD_CRASH_AT is ``name``, or ``name#N`` at its N-th passing.

    Actions may call it as well, with names of their own.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    point, _, number = wanted.partition("#")
    if point != name:
        return
    global _hits  # noqa: PLW0603 - the process is the thing that is counted for
    with _lock:
        _hits += 1
        if _hits >= int(number or 1):
            os.kill(os.getpid(), signal.SIGKILL)
