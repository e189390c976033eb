"""Errors of comparing what runs took."""

from onward.errors.base import Refused


class BaselineUnknown(Refused):
    """A baseline was named that there is not, that cannot be read, or by a name that none can have.

    ``onward timings save NAME`` makes one of a run, or adds a run to it. Baselines are kept below the state directory.
    """

    code = "OW951"


class RunNotComparable(Refused):
    """The times of a run cannot be shown, kept or compared.

    Nothing of it has ended yet; or it did not end well, so that its times are not those of the whole; or it is of
    another kind than the runs of the baseline, a removal beside deployments. The evidence says which.
    """

    code = "OW952"
