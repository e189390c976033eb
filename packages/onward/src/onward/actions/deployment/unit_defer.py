"""Leave the restart of a unit for later."""

from onward.actions.deployment.noted import store_of
from onward.engine.action import Evidence, StepContext
from onward.hosts.state import Directories


class DeferRestart:
    """``unit.defer``: note that the unit has to be restarted, and that nobody does it before it is asked for.

    Arguments: ``unit``, ``digest`` (of the step that would start it), ``why`` (empty where that is noted already).
    Evidence: none. Noted twice is as good as once.
    """

    name = "unit.defer"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Note it."""
        arguments = context.step.arguments
        store = store_of(self._directories, context)
        store.owe(str(arguments["unit"]), str(arguments["digest"]), str(arguments["why"]), deferred=True)
        return {}
