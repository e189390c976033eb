"""What the actions of a deployment share: where the model is kept, and the memory of what was done."""

from onward.engine.action import Action, Evidence, StepContext
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.plan.deployment.planner import step_digest


def store_of(directories: Directories, context: StepContext) -> ModelStore:
    """What is kept of the model that the run is about; its secrets are kept out of all records from now on."""
    store = ModelStore(directories.models / context.plan.cloud)
    for value in store.secrets().values():
        context.secrets.register(value)
    return store


class Noted:
    """An action whose success is remembered with the model, so that a later deployment does not do it again.

    Killed before the note, the action is done once more, which every action allows.
    """

    def __init__(self, action: Action, directories: Directories) -> None:
        self.name = action.name
        self._action = action
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Do it, then remember it."""
        evidence = self._action.apply(context)
        store_of(self._directories, context).note_done(context.step.id, step_digest(context.step), evidence)
        return evidence
