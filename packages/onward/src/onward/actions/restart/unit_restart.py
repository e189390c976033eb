"""Have the processes of a unit begin anew, and look at them, on the unit's machine."""

from collections.abc import Sequence
from dataclasses import asdict

from pydantic import JsonValue

from onward.actions.deployment.supervisor_start import supervisor_of
from onward.actions.deployment.unit_start import StartWish
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.hosts.state import Directories


class RestartUnit:
    """``unit.restart``: the unit's processes begin anew, with the files that there are. It is not waited for them.

    Arguments: those of ``unit.start``, and ``generation``, which no earlier restart had: processes of another one begin
    anew, and those of this one run on. So it may be killed at any instant, and done again. Evidence: none.
    """

    name = "unit.restart"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Have them end, and begin. Raises UnitNotReady, OSError."""
        arguments = dict(context.step.arguments)
        generation = str(arguments.pop("generation"))
        wish = StartWish.model_validate(arguments)
        keeper = supervisor_of(self._directories, context)
        keeper.apply(wish.unit, wish.processes, f"{wish.configuration} {generation}")
        crash_point("unit.restarted")
        return {}


class LookAtUnits:
    """``units.look``: what the processes of units do. It changes nothing.

    Arguments: ``units``, all of one machine. Evidence: ``units`` with each unit's processes, as the supervisor says.
    """

    name = "units.look"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Ask once. Raises OSError when the supervisor does not answer."""
        units: JsonValue = context.step.arguments["units"]
        wanted: Sequence[JsonValue] = units if isinstance(units, list) else ()
        found: dict[str, list[dict[str, object]]] = {str(unit): [] for unit in wanted}
        for state in supervisor_of(self._directories, context).states():
            if state.unit in found:
                found[state.unit].append(asdict(state))
        return {"units": found}
