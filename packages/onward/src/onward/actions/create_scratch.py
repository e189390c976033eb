"""Make the place where the copy will be."""

from onward.actions.scratch import scratch_for
from onward.engine.action import Evidence, StepContext
from onward.observe.database import shown


class CreateScratch:
    """``scratch.create``: an empty scratch database.

    Arguments: ``service``, ``backend``. Evidence: ``backend``, ``url`` (without a password). What is there already is kept.
    """

    name = "scratch.create"

    def apply(self, context: StepContext) -> Evidence:
        """Make it."""
        (context.workspace / "scratch").mkdir(exist_ok=True, mode=0o700)
        scratch = scratch_for(context)
        return {"backend": scratch.backend, "url": shown(scratch.url)}
