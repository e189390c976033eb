"""Errors of migrations, and of the proof that nothing was lost."""

from onward.errors.base import OnwardError, Refused


class MigrationFailed(OnwardError):
    """A service's own migration command failed.

    The evidence has its last lines and exit status; the whole output is in the run's directory. Where the release
    is known to be at fault the message says so. The copy (or the database) stays as that command left it.
    """

    code = "OW601"


class DataLost(OnwardError):
    """Rows or values that must survive an upgrade are missing or different afterwards.

    The evidence names table, key and column. Do not upgrade production before this is understood.
    """

    code = "OW602"


class ProofFailed(OnwardError):
    """The upgraded service answers differently from the old one.

    The evidence names what was asked, what was answered before, and what now.
    """

    code = "OW603"


class ServiceDidNotStart(OnwardError):
    """A service's API did not begin to answer in time. The evidence is the end of its log."""

    code = "OW604"


class RunnerDied(OnwardError):
    """The process that runs a release's commands ended unexpectedly. The evidence is its log and exit status."""

    code = "OW605"


class SeedFailed(OnwardError):
    """The demonstration cloud could not be filled through its API. The evidence is the API's answer."""

    code = "OW606"


class CheckFailed(Refused):
    """A check found something that would make the upgrade fail.

    The findings name it, with the evidence and a way out.
    """

    code = "OW607"
