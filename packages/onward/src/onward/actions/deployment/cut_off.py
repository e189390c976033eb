"""Whether an attempt at a migration was cut off, as notes in the run's directory say."""

from onward.actions.release_commands import DONE_ALREADY
from onward.engine.action import StepContext
from onward.hosts.private_file import write_private
from onward.hosts.runner import CommandOutcome

_FAILED = "failed"


class Attempts:
    """Of one step: one that has begun and never ended, and one that begins with what was kept of the databases.

    MariaDB takes no change of a schema back. Where a command was killed in the middle of one, the release cannot go on
    from there.
    """

    def __init__(self, context: StepContext) -> None:
        """The notes are of ``context``'s step."""
        directory, name = context.workspace / "begun", context.step.id.replace("/", "-")
        self._begun, self._anew = directory / name, directory / f"{name}.anew"
        self._came_to_its_end = False
        self.met_its_own = False
        """Whether its last command has said of what it was to make that it is there."""

    @property
    def cut_off(self) -> bool:
        """Whether one has begun that did not end."""
        return self._begun.exists() and not self.failed

    @property
    def failed(self) -> bool:
        """Whether the last one has failed by itself."""
        return self._begun.exists() and self._begun.read_text(encoding="utf-8") == _FAILED

    @property
    def anew(self) -> bool:
        """Whether one has begun to put back what was kept, and did not end: nothing in the databases counts."""
        return self._anew.exists()

    def begin(self, *, anew: bool = False) -> None:
        """Note it before anything is changed."""
        write_private(self._anew if anew else self._begun, "")
        self._came_to_its_end = False

    def hear(self, outcome: CommandOutcome) -> None:
        """A command of it has ended, or was ended by a signal."""
        self._came_to_its_end = outcome.exit_status >= 0
        self.met_its_own = DONE_ALREADY.search(outcome.output()) is not None

    def fail(self) -> None:
        """It has failed: by itself, or it is cut off where its last command was killed."""
        if self._came_to_its_end:
            write_private(self._begun, _FAILED)
            self._anew.unlink(missing_ok=True)

    def end(self) -> None:
        """It is at its end."""
        self._anew.unlink(missing_ok=True)
        self._begun.unlink(missing_ok=True)
