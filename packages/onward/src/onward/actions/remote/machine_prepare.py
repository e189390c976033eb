"""Make room for a model on another machine, and see to it that nobody else has it."""

import shutil
from pathlib import Path

from onward.engine.action import Evidence, StepContext
from onward.errors import HostUnfit
from onward.hosts.leftovers import processes_of
from onward.hosts.private_file import make_private, write_private
from onward.hosts.runtime import RUNTIMES
from onward.hosts.state import Directories

OWNER = "owner"


class PrepareMachine:
    """``machine.prepare``: the model's directory there, with the name of the controller that it belongs to.

    Arguments: ``owner``, ``runtime`` (the code that has been sent to carry this out). Evidence: ``directory``.
    """

    name = "machine.prepare"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Take it. Raises HostUnfit where it belongs to a model of the same name of somebody else's."""
        directory = self._directories.models / context.plan.cloud
        mine, path = str(context.step.arguments["owner"]), directory / OWNER
        theirs = path.read_text(encoding="utf-8") if path.is_file() else mine
        if theirs != mine:
            raise HostUnfit(
                f"{context.step.target} has a model called {context.plan.cloud} already, which is not this one.",
                evidence=f"{directory} belongs to {theirs}, and this is {mine}",
                next_command="deploy under another name, or say another `directory` of the machine in the bundle",
            )
        make_private(self._directories.cache)
        write_private(path, mine)
        _forget_older_code(self._directories.cache / RUNTIMES, str(context.step.arguments["runtime"]))
        return {"directory": str(directory)}


def _forget_older_code(runtimes: Path, own: str) -> None:
    """Remove what earlier versions of Onward have left, unless something of it still runs: a supervisor does."""
    for path in runtimes.iterdir():
        if path.name != own and not path.name.startswith(".new.") and not processes_of(path):
            shutil.rmtree(path, ignore_errors=True)
