"""Errors of policy files and of what is decided about them."""

from onward.errors.base import PAUSED, OnwardError, Refused


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
