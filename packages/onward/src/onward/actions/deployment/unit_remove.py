"""Stop a unit, have its cluster forget it, and remove all that it kept."""

import os
import shutil
import subprocess
from pathlib import Path

from onward.actions.deployment.noted import store_of
from onward.actions.deployment.supervisor_start import supervisor_of
from onward.actions.waiting import wait_until
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.hosts.command import run_command
from onward.hosts.state import Directories
from onward.plan.deployment.removal import Departure, Leaving

VERBS = ("configure", "start", "reload")
"""What is remembered of a unit."""
LEAVE_SECONDS = 120.0
"""Within which the others of a cluster see that a node has ended, and forget it."""
ANSWER_SECONDS = 60.0


class RemoveUnit:
    """``unit.remove``: its processes end, its cluster forgets it, then its directory goes.

    Arguments: ``unit``, ``directory``, ``leave`` (the command by which the cluster forgets it), ``forgets`` (steps that
    count as done no more). Killed anywhere, it is done again from the beginning: as long as the directory is there,
    the unit is known to be one that has to go.
    """

    name = "unit.remove"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Nothing is left to do where all is gone already. Raises UnitNotReady when the cluster does not let it go."""
        wish = Departure.model_validate(context.step.arguments)
        store = store_of(self._directories, context)
        for step in (*(f"{verb}/{wish.unit}" for verb in VERBS), *wish.forgets):
            store.undo(step)
        supervisor_of(self._directories, context).remove(wish.unit)
        crash_point("unit.stopped")
        if wish.leave is not None:
            _leave(context, wish.unit, wish.leave)
            crash_point("unit.left")
        shutil.rmtree(Path(wish.directory), ignore_errors=True)
        return {}


def _leave(context: StepContext, unit: str, leave: Leaving) -> None:
    wait_until(
        context,
        lambda: {"the cluster says": _said(leave)},
        lambda seen: seen["the cluster says"] == leave.answer,
        seconds=LEAVE_SECONDS,
        stopped=f"Stopped while the cluster forgot {unit}.",
        failed=f"The cluster does not forget {unit}.",
        state=f"{unit} has stopped; the others go on.",
    )


def _said(leave: Leaving) -> str:
    try:
        result = run_command(
            leave.argv,
            environment={**os.environ, **leave.environment},
            stdin=leave.stdin,
            timeout_seconds=ANSWER_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return "nothing in time"
    return result.stdout.strip() or result.tail()
