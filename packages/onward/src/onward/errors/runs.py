"""Errors of runs."""

from onward.errors.base import LOCKED_OR_STALE, OnwardError, Refused


class RunLocked(OnwardError):
    """Another run is at work on the same cloud.

    The evidence names the run, its process and since when. A lock dies with its process, however that ended.
    """

    code = "OW501"
    exit_status = LOCKED_OR_STALE


class StepFailed(OnwardError):
    """A step of a run failed for a reason that has no code of its own."""

    code = "OW502"


class RunOfAnotherVersion(Refused):
    """The run was planned by another version of Onward, which must also finish it."""

    code = "OW503"


class RunAlreadyEnded(Refused):
    """The run is finished or cancelled; there is nothing left to resume, pause or cancel."""

    code = "OW504"


class StepPaused(OnwardError):
    """A long step has ended itself at a good moment, because somebody asked for a pause, or for the end of its run.

    ``onward runs resume`` goes on with it where it stopped.
    """

    code = "OW507"


class NothingToRestore(Refused):
    """The backup of this run cannot be put back: it made none, has not migrated anything, is at work, or lost it.

    ``onward runs restore`` takes an upgrade back that has begun to migrate. A run that is at work is paused first.
    """

    code = "OW506"
