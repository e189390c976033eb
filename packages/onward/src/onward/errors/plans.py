"""Errors of plans and of their approval."""

from onward.errors.base import LOCKED_OR_STALE, OnwardError, Refused


class PlanStale(OnwardError):
    """The facts that a plan was computed from have changed since.

    The evidence lists each fact, as planned and as it is now. Make a new plan, review it and apply that.
    """

    code = "OW401"
    exit_status = LOCKED_OR_STALE


class PlanEdited(OnwardError):
    """A plan file is not the one Onward wrote: its content does not match its digest.

    Plans are applied exactly as they were reviewed. Make a new plan.
    """

    code = "OW402"
    exit_status = LOCKED_OR_STALE


class PlanUnreadable(Refused):
    """A plan file is missing, is not JSON, or has a format this version does not know."""

    code = "OW403"


class ApprovalMissing(Refused):
    """The plan has steps that cannot be taken back, and nobody has agreed to them.

    On a terminal Onward asks for the name of the cloud; elsewhere give ``--approve DIGEST`` with the plan's digest.
    """

    code = "OW404"


class ServiceStillRunning(Refused):
    """The service still has connections open to the database that is about to be migrated offline.

    Stop every process of the service on every host. The evidence lists the connections.
    """

    code = "OW405"
