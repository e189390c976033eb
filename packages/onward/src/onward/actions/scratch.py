"""The scratch database of a run, for every action that needs it."""

import os

from sqlalchemy import make_url

from onward.engine.action import StepContext
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.scratch import MariadbScratch, NamedScratch, ScratchDatabase, SqliteScratch

SCRATCH_STEP = "scratch"
SCRATCH_PASSWORD = "ONWARD_SCRATCH_PASSWORD"  # noqa: S105 - the name of the variable, not its value


def scratch_for(context: StepContext) -> ScratchDatabase:
    """The scratch database, as the step ``scratch`` of the plan describes it.

    A private server is started when this process has not done so yet; it belongs to the process's session.
    """
    arguments = context.plan.step(SCRATCH_STEP).arguments
    directory = context.workspace / "scratch"
    name = context.plan.service
    if arguments["backend"] == "sqlite":
        return SqliteScratch(directory, name)
    if arguments["backend"] == "named":
        url = make_url(str(arguments["url"]))
        password = os.environ.get(SCRATCH_PASSWORD)
        context.secrets.register(password)
        return NamedScratch(url.set(password=password) if password else url, directory)
    server = context.session.use(
        "scratch", lambda: PrivateMariadb(directory / "server", context.workspace / "logs" / "mariadb.log")
    )
    return MariadbScratch(server, directory, name)
