"""Throw the copy away."""

from dataclasses import replace

from onward.actions.scratch import scratch_for
from onward.engine.action import Evidence, StepContext


class RemoveScratch:
    """``scratch.remove``: remove the scratch database and its checkpoints; logs stay. Removing it again is harmless."""

    name = "scratch.remove"

    def apply(self, context: StepContext) -> Evidence:
        """Remove it."""
        for each in context.plan.steps:
            if each.action == "scratch.create":
                scratch_for(replace(context, step=each)).remove()
        return {}
