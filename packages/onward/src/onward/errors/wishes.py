"""Errors of what was asked for: series, services, files, options."""

from onward.errors.base import Refused


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


class ServiceWithoutPolicy(Refused):
    """The service has no policy of its own, so that there is nothing to show, compare or rewrite.

    Horizon is such a service: it decides nothing, and keeps copies of other services' policies to know what to show.
    The evidence names the services that have one.
    """

    code = "OW113"


class ReproducerInvalid(Refused):
    """A reproducer bundle cannot be read, or is of another format.

    Such a bundle is what ``onward ci services`` and ``onward ci workflow`` leave of a failure. The evidence says what
    is wrong with the file; have it sent again, or made again.
    """

    code = "OW114"


class ModelThere(Refused):
    """A model is deployed already under the name that a trial wants to deploy its own under.

    ``onward ci workflow`` deploys a model of its own and destroys it in the end; it never takes one that is there.
    Name another one with ``--model``, or destroy that one.
    """

    code = "OW115"
