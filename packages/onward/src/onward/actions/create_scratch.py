"""Make the place where the copy will be."""

from onward.actions.lane import lane_of
from onward.actions.scratch import scratch_directory, scratch_for
from onward.engine.action import Evidence, StepContext
from onward.hosts.scratch import NamedScratch
from onward.observe.database import shown


class CreateScratch:
    """``scratch.create``: an empty scratch database.

    Arguments: ``service``, ``backend`` (sqlite, mariadb or named), and for a named one ``url``. Evidence: ``backend``,
    ``url`` (without a password), ``where`` (the file, the data directory of a private server, or the URL). Repeated
    before anything was put into it, it is empty again.
    """

    name = "scratch.create"

    def apply(self, context: StepContext) -> Evidence:
        """Make it. Raises ToolMissing, ScratchServerFailed, DatabaseUnreachable, DatabaseReadOnly."""
        (scratch_directory(context.workspace) / lane_of(context)).mkdir(parents=True, exist_ok=True, mode=0o700)
        scratch = scratch_for(context)
        if isinstance(scratch, NamedScratch):
            scratch.claim()
        scratch.empty()
        return {"backend": scratch.backend, "url": shown(scratch.url), "where": scratch.where}
