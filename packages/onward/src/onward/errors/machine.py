"""Errors of this machine and of the environments that releases run in."""

from onward.errors.base import Refused


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
