"""Every error a user can meet: one class each, with a stable code and a page in the documentation.

The docstring of a class is its page: what it means, what usually causes it, how to go on.
"""

from onward.errors.base import (
    BUG,
    DIFFERENCES,
    DONE,
    FAILED,
    LOCKED_OR_STALE,
    NOTHING_TOUCHED,
    PAUSED,
    REFUSED,
    SIGNALLED,
    USAGE,
    Bug,
    OnwardError,
    Refused,
    by_code,
    from_data,
)
from onward.errors.deployment import (
    BundleInvalid,
    BundleUnsatisfied,
    ModelUnknown,
    OptionUnknown,
    PortTaken,
    ProgramMissing,
    UnitNotReady,
)

# --- What was asked for


class UnknownSeries(Refused):
    """A release series was named that the catalogue does not know.

    Series are named by their identifier (``2024.1``, ``yoga``) or their name (``caracal``).
    ``onward series list`` shows all of them.
    """

    code = "OW101"


class TargetNotAhead(Refused):
    """The target series is the one the database is at already, or an older one.

    OpenStack services cannot be taken back: their migrations have no downgrade. Name a later series with ``--to``.
    """

    code = "OW102"


class UnknownService(Refused):
    """A service was named for which the catalogue has no recipe.

    ``onward series show SERIES`` lists the services of a series; a recipe is one file in the catalogue.
    """

    code = "OW103"


class UnreadableConfig(Refused):
    """A service's configuration file is missing, not readable, or not in oslo.config's format.

    The evidence names the file and the line. Run Onward as a user that may read it, or name another file.
    """

    code = "OW104"


class InvalidCloudFile(Refused):
    """The cloud file is missing or does not say what a cloud file must say.

    The evidence names each key that is wrong and what was expected there. ``onward init`` writes a new one.
    """

    code = "OW105"


class NotSlurp(Refused):
    """``--slurp`` was asked for, but source or target is not a SLURP release, or is older than SLURP itself.

    Skip-level upgrades go from one SLURP release to the next (2023.1, 2024.1, 2025.1, 2026.1).
    Without ``--slurp`` Onward steps through every series.
    """

    code = "OW106"


class PasswordOnCommandLine(Refused):
    """A URL with a password in it was given on the command line: of a database, or of constraints.

    Every user of the machine can read a process's arguments. Let Onward read a database's URL from the service's own
    configuration (``--copy-of config:/etc/keystone/keystone.conf``), or leave the password out of the URL
    and put it in the environment variable ``ONWARD_SOURCE_PASSWORD``. Constraints can be given as a file.
    """

    code = "OW107"


class SourceSeriesUnclear(Refused):
    """The database could belong to several series, and nothing else says which of them it is.

    Some releases have no migration of their own, so that their databases look alike. Say it with ``--from``.
    """

    code = "OW108"


class UnknownRun(Refused):
    """No run with this name exists in the state directory.

    ``onward runs list`` shows the runs. Another state directory is chosen with ``--state-dir``.
    """

    code = "OW109"


class InvalidCatalogue(Refused):
    """A file of the catalogue, which comes with Onward, does not say what such a file must say.

    The evidence names the file, each key that is wrong and what was expected there. A file of your own, for another
    service, has to be mended; one of Onward's means that the installation is damaged.
    """

    code = "OW110"


class OutputUnwritable(Refused):
    """A file or directory that was named for Onward's output cannot be written.

    The evidence is what the system says: there is no such directory, or it belongs to somebody else. State and cache
    directories are chosen with ``--state-dir`` and ``--cache-dir``, or ``ONWARD_STATE_DIR`` and ``ONWARD_CACHE_DIR``.
    """

    code = "OW111"


class ServiceNotMoved(Refused):
    """The service is known to the catalogue, but not how it is taken forward.

    Such a service can be checked, and its policy and configuration be looked at. Its upgrade needs more: the revisions
    of its database, its migration commands, what each release is documented to change. The evidence names the
    services of which Onward knows all that.
    """

    code = "OW112"


# --- The machine and the environments


class InterpreterMissing(Refused):
    """A series on the way needs a Python interpreter that is not on this machine.

    The message names the series and the versions it can run on. Install one (a distribution's package,
    ``uv python install 3.9``, or pyenv) and run the same command again.
    """

    code = "OW201"


class EnvironmentBuildFailed(Refused):
    """A release could not be installed into an environment of its own.

    The evidence names the package and the last lines of the installer. Environments are built before anything else:
    the cloud is as it was. Install what is missing and resume the run.
    """

    code = "OW202"


class ConstraintsUnavailable(Refused):
    """The tested set of dependencies (upper-constraints) of a series could not be fetched or read.

    Name a file with ``--constraints``, or build from what was current at the release date with
    ``--constraints as-of-release``.
    """

    code = "OW203"


class NoDiskSpace(Refused):
    """There is too little free space for environments, the copy of the database and the run's evidence.

    The evidence shows what is needed and what is free. Free some, or choose other directories with ``--state-dir``
    and ``--cache-dir``.
    """

    code = "OW204"


class ToolMissing(Refused):
    """A program that this operation needs is not installed.

    The message names the program and the package that has it.
    """

    code = "OW205"


# --- Databases and dumps


class DatabaseUnreachable(Refused):
    """A database could not be reached, or refused the user.

    The evidence is the server's answer. Check the address, the user's rights and the password's source.
    """

    code = "OW301"


class DatabaseReadOnly(Refused):
    """The database that is to be migrated does not accept writes.

    A replica, a Galera node that left its cluster, or a read-only file. Name the primary.
    """

    code = "OW302"


class DumpCorrupt(Refused):
    """A dump cannot be read: it is missing, its compression is damaged, or it is no SQL.

    Make the dump again; the source database is not involved.
    """

    code = "OW303"


class DumpTruncated(Refused):
    """A dump stops before its end: the line that mariadb-dump and mysqldump write last is missing.

    Usually the disk was full or the connection broke while it was made. Make it again.
    """

    code = "OW304"


class DumpOfAnotherService(Refused):
    """The dump does not hold the tables of the service it was given for.

    The evidence lists the tables that are missing and some that were found instead.
    """

    code = "OW305"


class HalfMigrated(Refused):
    """The database is between two releases: it was expanded and not contracted.

    Finish the earlier upgrade with the code of the release that began it, then try again.
    """

    code = "OW306"


class DatabaseAhead(Refused):
    """The database is at a later series than was said, or than the installed code.

    Going on would run old code on a new schema. Correct ``--from`` or the cloud file.
    """

    code = "OW307"


class UnknownRevision(Refused):
    """The database carries a schema revision that no known release has.

    It was migrated by a newer release than this Onward knows, by a patched one, or is not this service's database.
    """

    code = "OW308"


class DumpLoadFailed(OnwardError):
    """The scratch server did not accept the dump.

    The evidence is the server's message. The source is not involved; the copy is incomplete and will be made
    again from the start when the run is resumed.
    """

    code = "OW309"


class ScratchServerFailed(OnwardError):
    """The private database server of a rehearsal did not start, or died.

    The evidence is the end of its log. Resuming the run starts it again on the same data directory.
    """

    code = "OW310"


# --- Plans


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


# --- Runs


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


class NothingToRestore(Refused):
    """The backup of this run cannot be put back: it made none, has not migrated anything, is at work, or lost it.

    ``onward runs restore`` takes an upgrade back that has begun to migrate. A run that is at work is paused first.
    """

    code = "OW506"


# --- Migration and proof


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


# --- Policy


class PolicyNotLoaded(Refused):
    """A release cannot load its own policy, with or without the operator's files.

    The evidence is what the release itself said. The usual cause is a policy file that is not YAML, or a rule that is
    neither text nor a list: the service answers every request with an error as soon as it reads such a file.
    """

    code = "OW701"


class PolicyAtFault(Refused):
    """A check of policy found something that lets in or keeps out somebody unexpected, or it could not tell.

    The findings name file, line and rule, who is concerned, and a way out.
    """

    code = "OW702"


class PolicyUnreadable(Refused):
    """A policy file cannot be read, or is not what oslo.policy can read.

    The evidence names the file and each line that is wrong. A service that meets such a file answers nothing.
    """

    code = "OW711"


class PolicyOutputRefused(Refused):
    """A rewritten policy cannot be written, would take the place of something else, or be read as something else.

    An existing file is only replaced with ``--force``, and the source only with ``--in-place``, which keeps the old
    text beside it. JSON is not rewritten in place: YAML in a file named .json is an error for some releases.
    """

    code = "OW712"


class PolicyDecisionNeeded(OnwardError):
    """A policy cannot be carried forward without changing what it means, and nobody has said what is wanted.

    Each rule is shown with the old default, the override and the new default. Answer with ``--keep RULE``,
    ``--as-written RULE`` or ``--take-default RULE``, or with a file of decisions, and run the same command again.
    """

    code = "OW713"
    exit_status = PAUSED


class PolicyDecisionUnknown(Refused):
    """A decision was given on a rule about which there is nothing to decide, or it is none that can be taken.

    The evidence lists the rules that wait for one and the answers that there are.
    """

    code = "OW714"


class PolicyNotProven(Refused):
    """The rewritten policy could not be proven to mean what it should, so it was not written.

    The evidence names each rule and, where there is one, somebody who would be let in or kept out. Please report it
    with the file, if you may.
    """

    code = "OW715"


# --- Checks and waivers


class WaiverUnclear(Refused):
    """A waiver does not say what is waived and why.

    Give it as ``--waive NAME=REASON``: the name of the check as the table shows it, and a reason that somebody who
    reads the run's report next year understands. ``NAME@ABOUT=REASON`` waives it for one node or series alone.
    """

    code = "OW801"


class WaiverMatchesNothing(Refused):
    """A waiver names a check that did not fail, or that was not made.

    Waivers are not kept in stock: one that is not needed any more hides the next fault of that name. The evidence
    says which names could be waived. Correct the name, or leave the waiver out.
    """

    code = "OW802"


class WriteRefused(Refused):
    """A check tried to change something. Checks have connections on which nothing can be written.

    The evidence shows how the statement began. The check must read what it wants to know; what changes a cloud is a
    step of a plan.
    """

    code = "OW803"


class SecretUnavailable(Refused):
    """The cloud file says where a secret is, and it is not there.

    ``env:NAME`` wants an environment variable, ``file:/PATH`` a file that Onward may read. The secret itself never
    stands in the cloud file.
    """

    code = "OW804"


class ApiUnavailable(Refused):
    """The cloud's APIs cannot be asked: there are no credentials, they were refused, or nothing answers.

    Name a cloud of ``clouds.yaml`` in the cloud file (``infrastructure: {identity: {cloud: NAME}}``) or with
    ``OS_CLOUD``, or set the variables of an ``openrc`` file. A reader's role is enough for most checks.
    """

    code = "OW805"


class CloudFileMissing(Refused):
    """Something was asked that can only be found out where the cloud file and the services' configuration are.

    Run ``onward check`` there, or give ``openstack upgrade check`` the cloud file with ``--cloud-file``.
    """

    code = "OW806"


class OptionsNotListed(Refused):
    """A release cannot list the configuration options that it knows, so that nobody can tell which of yours it lacks.

    The evidence is what the release itself said. The usual cause is an environment that was changed after it was built.
    """

    code = "OW807"


__all__ = [
    "BUG",
    "DIFFERENCES",
    "DONE",
    "FAILED",
    "LOCKED_OR_STALE",
    "NOTHING_TOUCHED",
    "PAUSED",
    "REFUSED",
    "SIGNALLED",
    "USAGE",
    "Bug",
    "BundleInvalid",
    "BundleUnsatisfied",
    "ModelUnknown",
    "OnwardError",
    "OptionUnknown",
    "PortTaken",
    "ProgramMissing",
    "Refused",
    "UnitNotReady",
    "by_code",
    "from_data",
]
"""What is defined elsewhere and imported from here."""
