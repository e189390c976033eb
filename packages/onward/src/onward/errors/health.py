"""Errors of what units tell of their health."""

from onward.errors.base import Refused


class HistoryMissing(Refused):
    """What was wrong in the past was asked for, and nobody kept what units said of one another then.

    ``onward collect`` does, for as long as it runs. Without it, ``onward diagnose`` tells what is wrong now.
    """

    code = "OW971"


class CollectorImpossible(Refused):
    """What units tell cannot be collected.

    Another ``onward collect`` is at work on the same model; or the address that was given is taken or not this
    machine's; or the file with the secret that units of other machines need cannot be read, or has too short a one.
    """

    code = "OW972"
