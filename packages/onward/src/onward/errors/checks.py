"""Errors of checks, of waivers, and of asking the cloud's APIs."""

from onward.errors.base import Refused


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
