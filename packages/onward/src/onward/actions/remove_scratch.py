"""Throw the copy away."""

from onward.actions.scratch import scratch_for
from onward.engine.action import Evidence, StepContext


class RemoveScratch:
    """``scratch.remove``: remove the scratch database and its checkpoints; logs stay. Removing it again is harmless."""

    name = "scratch.remove"

    def apply(self, context: StepContext) -> Evidence:
        """Remove it."""
        scratch_for(context).remove()
        return {}
