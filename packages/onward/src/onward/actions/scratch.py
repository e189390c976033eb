"""The scratch database of a run, for every action that needs it."""

import os
import shutil
from pathlib import Path

from sqlalchemy import make_url

from onward.actions.lane import lane_directory, lane_of, service_of
from onward.engine.action import StepContext
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.scratch import MariadbScratch, NamedScratch, ScratchDatabase, SqliteScratch
from onward.plan.forward import step_of
from onward.plan.plan import Plan

SCRATCH_STEP = "scratch"
SCRATCH_PASSWORD = "ONWARD_SCRATCH_PASSWORD"  # noqa: S105 - the name of the variable, not its value


def scratch_for(context: StepContext) -> ScratchDatabase:
    """The scratch database of the step's lane, as the step ``scratch`` describes it.

    Each lane has a server of its own: a checkpoint stops it, and no other lane shall wait for that. A private server is
    started when this process has not done so yet; it belongs to the process's session.
    """
    lane, name = lane_of(context), service_of(context)
    arguments = context.plan.step(step_of(lane, SCRATCH_STEP)).arguments
    directory = scratch_directory(context.workspace) / lane
    if arguments["backend"] == "sqlite":
        return SqliteScratch(directory, name)
    if arguments["backend"] == "named":
        context.secrets.register(os.environ.get(SCRATCH_PASSWORD))
        return _named(str(arguments["url"]), directory)
    server = context.session.use(
        step_of(lane, SCRATCH_STEP),
        lambda: PrivateMariadb(directory / "server", lane_directory(context, "logs") / "mariadb.log"),
    )
    return MariadbScratch(server, directory, name)


def scratch_directory(workspace: Path) -> Path:
    """Where a run keeps its copy, the checkpoints, and what it remembers of a server that the user named."""
    return workspace / "scratch"


def give_up_scratch(plan: Plan, workspace: Path) -> None:
    """Remove the copy of a run that will not go on, unless it was to be kept. Nothing may be at work on the run.

    Raises DatabaseUnreachable where the user's scratch server does not answer.
    """
    directory = scratch_directory(workspace)
    if not directory.is_dir() or not any(step.action == "scratch.remove" for step in plan.steps):
        return
    arguments = next(step for step in plan.steps if step.action == "scratch.create").arguments
    if arguments["backend"] == "named":
        _named(str(arguments["url"]), directory).remove()
    # A private server ended with the process that started it; only its files are left.
    shutil.rmtree(directory, ignore_errors=True)


def _named(words: str, directory: Path) -> NamedScratch:
    """The database on the user's server, with the password that the environment has for it."""
    url = make_url(words)
    password = os.environ.get(SCRATCH_PASSWORD)
    return NamedScratch(url.set(password=password) if password else url, directory)
