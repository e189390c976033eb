"""Have the processes that a unit will have next import their code, while those that it has still serve."""

import time
from pathlib import Path

import psutil
from pydantic import Field

from onward.actions.deployment.supervisor_start import supervisor_of
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.hosts.private_file import write_private
from onward.hosts.state import Directories
from onward.model.deployment import UnitFile, UnitProcess
from onward.plan.step import Frozen

IMPORT_SECONDS = 180.0
LOOK_SECONDS = 0.1
MEBIBYTE = 1024 * 1024
SPARE = 1.5
"""So many times the memory of a unit has to be free: what is given away is missing to those who serve."""


class _Wish(Frozen):
    """The step's arguments."""

    unit: str
    directory: Path
    processes: tuple[UnitProcess, ...]
    configuration: str
    program: UnitFile
    memory: int = Field(description="MiB that the unit takes")


class HoldUnit:
    """``unit.hold``: the unit's next processes are begun, import their code, and wait.

    They have read no file of the unit and are connected to nothing; ``unit.start`` lets them go. Arguments: ``unit``,
    ``directory``, ``processes`` and ``configuration`` as ``unit.start`` has them, ``program`` (the file by which they
    are begun), ``memory`` in MiB. Evidence: ``held``; ``seconds``; ``why_not``, where they are begun only when it is
    their turn: it takes longer then, and nothing else is different. Done again, what is held stays so.
    """

    name = "unit.hold"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Begin them, and wait for their imports."""
        wish, began = _Wish.model_validate(context.step.arguments), time.monotonic()
        keeper = supervisor_of(self._directories, context)
        free = psutil.virtual_memory().available // MEBIBYTE
        if free < wish.memory * SPARE:
            return _not_held(context, f"{free} MiB of memory are free, and it takes {wish.memory}")
        write_private(wish.directory / wish.program.path, wish.program.text)
        if not keeper.hold(wish.unit, wish.processes, wish.configuration):
            return _not_held(context, "what keeps its processes running cannot have them wait")
        crash_point("unit.held")
        while not keeper.imported(wish.unit):
            if time.monotonic() - began > IMPORT_SECONDS or context.cancelled():
                keeper.release(wish.unit)
                return _not_held(context, f"its code is not imported after {time.monotonic() - began:.0f} s")
            time.sleep(LOOK_SECONDS)
        return {"held": True, "seconds": round(time.monotonic() - began, 2)}


def _not_held(context: StepContext, why: str) -> Evidence:
    context.progress(f"{context.step.target} is not started ahead: {why}")
    return {"held": False, "why_not": why}
