"""Waits until something that was begun is so."""

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from onward.engine.action import StepContext
from onward.errors import StepFailed, UnitNotReady

LOOK_SECONDS = 0.2

Seen = TypeVar("Seen")


def wait_until(
    context: StepContext,
    look: Callable[[], Mapping[str, Seen]],
    good: Callable[[Mapping[str, Seen]], bool],
    *,
    seconds: float,
    stopped: str,
    failed: str,
    state: str = "",
) -> Mapping[str, Seen]:
    """Look again and again until what is seen is good, and return it.

    Raises StepFailed, in the words of ``stopped``, when the run is being aborted; UnitNotReady, in those of ``failed``
    and with what was seen last as its evidence, when the time is over.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen = look()
        if good(seen):
            return seen
        if context.cancelled():
            raise StepFailed(stopped)
        if time.monotonic() > deadline:
            raise UnitNotReady(
                failed,
                evidence="\n".join(f"{name}: {what}" for name, what in seen.items()),
                state=state,
                next_command=f"onward runs resume {context.run_id}",
            )
        time.sleep(LOOK_SECONDS)
