"""Have running processes take over options that have changed, without a restart."""

import os
import signal
from pathlib import Path

from pydantic import JsonValue

from onward.actions.deployment.noted import store_of
from onward.actions.deployment.supervisor_start import supervisor_of
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import UnitNotReady
from onward.hosts.state import Directories
from onward.plan.step import Frozen


class Means(Frozen):
    """How a process is told."""

    name: str
    reload_signal: str | None
    reload_file: str | None


class ReloadWish(Frozen):
    """The step's arguments."""

    unit: str
    processes: tuple[Means, ...]
    options: dict[str, JsonValue]


class ReloadUnit:
    """``unit.reload``: the unit's processes read their files again, and take over the options that are mutable.

    Arguments: ``unit``, ``processes`` (each with the signal or the file by which it is told), ``options`` (as they
    are then). Evidence: ``pids`` of those that were told. Told twice is as good as once. A process that is not running
    reads the files when it begins.
    """

    name = "unit.reload"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Tell each. Raises UnitNotReady when one of them does not run on."""
        wish = ReloadWish.model_validate(context.step.arguments)
        store_of(self._directories, context).undo(context.step.id)
        supervisor = supervisor_of(self._directories, context)
        pids = {each.name: each.pid for each in supervisor.states(wish.unit) if each.pid}
        crash_point("unit.owes-reload")
        for process in wish.processes:
            if process.name in pids:
                _tell(process, pids[process.name])
        crash_point("unit.reloaded")
        ended = [each.name for each in supervisor.states(wish.unit) if pids.get(each.name, each.pid) != each.pid]
        if ended:
            raise UnitNotReady(
                f"{', '.join(ended)} of {wish.unit} ended when it was to take over options.",
                state="It is started again, and reads the files as they are now.",
                next_command=f"onward status {context.plan.cloud}",
            )
        return {"pids": pids}


def _tell(process: Means, pid: int) -> None:
    if process.reload_file is not None:
        path = Path(process.reload_file)
        path.touch(mode=0o600)
        # uWSGI compares whole seconds: another one each time, also when it is told twice within one.
        changed = path.stat().st_mtime + 1
        os.utime(path, (changed, changed))
    elif process.reload_signal == "HUP":
        os.kill(pid, signal.SIGHUP)
