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

    code = "OW505"


class NothingToRestore(Refused):
    """The backup of this run cannot be put back: it made none, has not migrated anything, is at work, or lost it.

    ``onward runs restore`` takes an upgrade back that has begun to migrate. A run that is at work is paused first.
    """

    code = "OW506"


class StoreUnreachable(OnwardError):
    """The database that controllers share cannot be reached, refuses the login, or went away.

    The address is what ``--store`` or ``ONWARD_STORE`` says; the password is taken from ``PGPASSWORD``, from the file
    that ``PGPASSFILE`` names, or from ``~/.pgpass``, which must not be readable by others. Controllers end when they
    cannot renew their lease, and are to be started again by whatever keeps services running; no run is lost by that.
    """

    code = "OW507"


class StoreOfAnotherFormat(Refused):
    """The tables in the store were made by a version of Onward that keeps them differently.

    Use the version that made them, or name another database.
    """

    code = "OW508"


class LeaseLost(OnwardError):
    """A controller could not renew its lease in time: it was stopped, starved, or cut off from the store.

    Others take over what it was doing. It does nothing more, and ends; started again it is a new controller.
    """

    code = "OW509"


class StoreAddressInvalid(Refused):
    """What was given as the store is no address of PostgreSQL, or holds a password.

    It looks like ``postgresql://onward@db.example.org/onward``. A password belongs into the file that ``PGPASSFILE``
    names, or into ``PGPASSWORD``: every user of a machine can read what programs are started with.
    """

    code = "OW510"


class MigrationUnfinished(Refused):
    """A run has begun to migrate a database of this model, and has not come to the end of that.

    The database is between two releases: no code fits it, and a backup of it would bring nothing back. Go on with that
    run, or go back to what it has kept; ``onward destroy`` is possible as well.
    """

    code = "OW511"
