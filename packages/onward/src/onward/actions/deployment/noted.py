"""What the actions of a deployment share: where the model is kept, and the memory of what was done."""

from onward.engine.action import Action, Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import StepFailed
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.plan.deployment.deferring import step_digest
from onward.plan.deployment.grant import GrantWish
from onward.plan.deployment.granting import Granted


def store_of(directories: Directories, context: StepContext) -> ModelStore:
    """What is kept of the model that the run is about; its secrets are kept out of all records from now on."""
    return store_named(directories, context, context.plan.cloud)


def provider_of(directories: Directories, context: StepContext, wish: GrantWish) -> ModelStore:
    """What is kept of the model that the provider of a grant is of: the credentials of its administrators are there."""
    return store_named(directories, context, wish.model or context.plan.cloud)


def store_named(directories: Directories, context: StepContext, model: str) -> ModelStore:
    """What is kept of any model; its secrets are kept out of all records from now on."""
    store = directories.model_store(model)
    for value in store.secrets().values():
        context.secrets.register(value)
    return store


def elsewhere(context: StepContext, wish: GrantWish) -> Evidence:
    """What is remembered of a grant of another model, so that it can be taken back; nothing of one of this model."""
    if not wish.model:
        return {}
    granted = Granted(step=context.step.id, action=context.step.action, wish=wish)
    return {"elsewhere": granted.model_dump(mode="json")}


class Withdrawal:
    """Takes back what an application of another model has granted, and forgets that it was.

    Arguments: ``grant`` (the step that granted it), ``wish`` (what was asked for then). Evidence: what was ``removed``.
    Done again it finds nothing to remove. Where the other model is no more, there is nothing either.
    """

    name: str

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Take it back. Raises StepFailed when the provider refuses or does not answer."""
        wish = GrantWish.model_validate(context.step.arguments["wish"])
        provider = provider_of(self._directories, context, wish)
        try:
            removed = self.withdraw(context, wish, provider) if provider.exists else []
        except StepFailed as failed:
            leave = f"\nonward destroy {context.plan.cloud} --leave-granted" if context.plan.kind == "removal" else ""
            raise StepFailed(failed.what, evidence=failed.evidence, next_command=failed.next_command + leave) from None
        crash_point("grant.withdrawn")
        store_of(self._directories, context).undo(str(context.step.arguments["grant"]))
        return {"removed": removed}

    def withdraw(self, context: StepContext, wish: GrantWish, provider: ModelStore) -> list[str]:
        """Do it at the provider; what was removed, in words."""
        raise NotImplementedError


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
