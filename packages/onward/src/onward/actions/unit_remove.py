"""Stop a unit and remove all that it kept."""

import shutil
from pathlib import Path

from onward.actions.deployment import store_of
from onward.actions.supervisor_start import supervisor_of
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.hosts.state import Directories


class RemoveUnit:
    """``unit.remove``: its processes end, then its directory goes. Arguments: ``unit``, ``directory``."""

    name = "unit.remove"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Nothing is left to do where both are gone already."""
        unit, directory = str(context.step.arguments["unit"]), Path(str(context.step.arguments["directory"]))
        store = store_of(self._directories, context)
        for step in (f"configure/{unit}", f"start/{unit}"):
            store.undo(step)
        supervisor_of(self._directories, context).remove(unit)
        crash_point("unit.stopped")
        shutil.rmtree(directory, ignore_errors=True)
        return {}
