"""The scratch database of a run, for every action that needs it."""

from onward.engine.action import StepContext
from onward.hosts.scratch import ScratchDatabase, SqliteScratch

SCRATCH_STEP = "scratch"


def scratch_for(context: StepContext) -> ScratchDatabase:
    """The scratch database, as the step ``scratch`` describes it."""
    return SqliteScratch(context.workspace / "scratch", context.plan.service)
