"""Stop all units of an application."""

from pydantic import TypeAdapter

from onward.actions.deployment.noted import store_of
from onward.actions.deployment.supervisor_start import supervisor_of
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.hosts.state import Directories


class StopApplication:
    """``application.stop``: its units' processes end; their files and data stay. Arguments: ``units``.

    Evidence: the ``units``. They are started by steps of their own.
    """

    name = "application.stop"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Stop what runs."""
        units = TypeAdapter(tuple[str, ...]).validate_python(context.step.arguments["units"])
        supervisor, store = supervisor_of(self._directories, context), store_of(self._directories, context)
        for unit in units:
            # Before it stops: whoever deploys after a crash starts it again.
            store.undo(f"start/{unit}")
        supervisor.stop(units)
        crash_point("application.stopped")
        return {"units": list(units)}
