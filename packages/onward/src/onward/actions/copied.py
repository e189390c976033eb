"""The databases that a service has in this run: those of the copy in a rehearsal, the cloud's own in an upgrade."""

from collections.abc import Mapping

from pydantic import TypeAdapter
from sqlalchemy import URL

from onward.actions.configure_service import database_url
from onward.actions.lane import lane_result
from onward.actions.scratch import scratch_for
from onward.engine.action import StepContext
from onward.errors import StepFailed
from onward.hosts.scratch import MariadbScratch
from onward.plan.step import Frozen


class Copied(Frozen):
    """A database of the copy, and what led to the one that it is a copy of."""

    name: str
    options: tuple[tuple[str, str], ...] = ()
    cells: tuple[str, ...] = ()
    further_cell: bool = False


_COPIED = TypeAdapter(tuple[Copied, ...])


def copied_databases(context: StepContext) -> tuple[Copied, ...]:
    """What the step ``copy`` of the lane has made; empty where it has made one database only."""
    try:
        return _COPIED.validate_python(lane_result(context, "copy").get("databases", ()))
    except KeyError:
        return ()


def beside(context: StepContext, name: str) -> URL:
    """A database of the copy that is not the service's own. Raises StepFailed where the copy can have no other."""
    scratch = scratch_for(context)
    if not isinstance(scratch, MariadbScratch):
        raise StepFailed("Such a copy needs a private MariaDB server.")
    return scratch.beside(name)


def run_databases(context: StepContext) -> Mapping[str, URL]:
    """By name, every database that the run migrates of the step's service, that of the service itself first."""
    copied = copied_databases(context)
    if not copied:
        return {"": database_url(context)}
    scratch = scratch_for(context)
    if not isinstance(scratch, MariadbScratch):
        return {copied[0].name: scratch.url}
    return {each.name: scratch.beside(each.name) for each in copied}
