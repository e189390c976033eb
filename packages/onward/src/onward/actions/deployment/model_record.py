"""Remember what a model shall be; forget it when nothing of it is left."""

from pathlib import Path

from pydantic import JsonValue

from onward.actions.deployment.noted import store_of
from onward.engine.action import Evidence, StepContext
from onward.errors import StepFailed
from onward.hosts.keeper import keeper_of
from onward.hosts.state import Directories
from onward.plan.step import Frozen


class _Wish(Frozen):
    """The step's arguments."""

    record: dict[str, JsonValue]
    secrets: dict[str, str]


class RecordModel:
    """``model.record``: keep the bundle and the addresses, and make the secrets that there are not yet.

    Arguments: ``record``, ``secrets`` (kinds by name). Evidence: how many ``secrets`` the model has.
    """

    name = "model.record"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Write both; a secret that exists stays what it is."""
        store = store_of(self._directories, context)
        wish = _Wish.model_validate(context.step.arguments)
        store.remember(wish.record)
        store.ensure_secrets(wish.secrets)
        return {"secrets": len(store_of(self._directories, context).secrets())}


class ForgetModel:
    """``model.forget``: end the model's supervisor and remove all that is kept of it. Arguments: ``sockets``.

    On another machine, environments and Onward's own code stay in the cache there.
    """

    name = "model.forget"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Stop what still runs, then remove the files."""
        store, sockets = store_of(self._directories, context), Path(str(context.step.arguments["sockets"]))
        keeper_of(store, sockets).end()
        try:
            store.forget()
        except OSError as error:
            raise _not_removed(context, store.directory, error) from None
        for path in sockets.glob("*.sock*") if sockets.is_dir() else ():
            path.unlink(missing_ok=True)
        if sockets.is_dir():
            sockets.rmdir()
        if context.step.machine is not None and not any(self._directories.models.iterdir()):
            self._directories.models.rmdir()
        return {}


def _not_removed(context: StepContext, directory: Path, error: OSError) -> StepFailed:
    """Somebody keeps a disk of his own there, or has something open."""
    mounted = [path for path in directory.rglob("*") if path.is_dir() and path.is_mount()]
    return StepFailed(
        f"{directory} cannot be removed.",
        evidence="\n".join([str(error), *(f"mounted there: {path}" for path in mounted)]),
        state="Nothing of the model runs any more; some of its files are left.",
        next_command="\n".join([*(f"umount {path}" for path in mounted), f"onward runs resume {context.run_id}"]),
    )
