"""Start the supervisor of a model."""

from pathlib import Path

from onward.actions.deployment.noted import store_of
from onward.engine.action import Evidence, StepContext
from onward.hosts.keeper import Keeper, keeper_of
from onward.hosts.private_file import make_private
from onward.hosts.state import Directories


class StartSupervisor:
    """``supervisor.start``: have it run, and answer. Arguments: ``sockets``. Evidence: ``pid``.

    Processes that an earlier run has held, and this one will not, are ended.
    """

    name = "supervisor.start"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Start it where it does not run. Raises UnitNotReady."""
        sockets = Path(str(context.step.arguments["sockets"]))
        make_private(sockets)
        keeper = keeper_of(store_of(self._directories, context), sockets)
        pid = keeper.ensure()
        held_again = {step.target for step in context.plan.steps if step.action == "unit.hold"}
        for unit in keeper.held():
            if unit not in held_again:
                keeper.release(unit)
        return {"pid": pid}


def supervisor_of(directories: Directories, context: StepContext) -> Keeper:
    """What keeps the processes of the run's model running. It runs: its step came before."""
    store = store_of(directories, context)
    return keeper_of(store, sockets_of(store.record()))


def sockets_of(record: dict[str, object]) -> Path:
    """The directory of a model's sockets, from what is remembered of it."""
    return Path(str(record["sockets"]))
