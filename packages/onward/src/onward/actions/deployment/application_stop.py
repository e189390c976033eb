"""Stop all units of an application."""

from pydantic import Field

from onward.actions.deployment.behind import Behind, drain
from onward.actions.deployment.noted import store_of
from onward.actions.deployment.supervisor_start import supervisor_of
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.hosts.state import Directories
from onward.observe.listening import calls_being_answered
from onward.plan.step import Frozen


class _Address(Frozen):
    """Where a unit is called."""

    address: str
    port: int

    def answering(self) -> bool:
        """Whether a call that was accepted is not answered yet."""
        return calls_being_answered(self.address, self.port) > 0


class _Wish(Frozen):
    """The step's arguments."""

    units: tuple[str, ...]
    serving: dict[str, dict[str, _Address]] = Field(default_factory=dict)
    behind: tuple[Behind, ...] = ()


class StopApplication:
    """``application.stop``: its units' processes end; their files and data stay.

    Arguments: ``units``; ``serving``, by unit and process, where those are called that do nothing but answer calls;
    ``behind``, where units stand behind load balancers, which send them no more calls from now on. Such a process has
    ended when its last call is answered. Evidence: the ``units``. They are started, and get calls again, by steps of
    their own.
    """

    name = "application.stop"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Stop what runs."""
        wish = _Wish.model_validate(context.step.arguments)
        supervisor, store = supervisor_of(self._directories, context), store_of(self._directories, context)
        for unit in wish.units:
            # Before it stops: whoever deploys after a crash starts it again.
            store.undo(f"start/{unit}")

        drain(wish.behind)

        def unused(unit: str, process: str) -> bool:
            called = wish.serving.get(unit, {}).get(process)
            return called is not None and not called.answering()

        supervisor.stop(wish.units, unused)
        crash_point("application.stopped")
        return {"units": list(wish.units)}
