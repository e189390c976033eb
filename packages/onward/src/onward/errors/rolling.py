"""Errors of taking services to another release while they serve, and of what has to stay untouched meanwhile."""

from onward.errors.base import OnwardError, Refused


class RollingImpossible(Refused):
    """Services were to be taken to another release while they serve, and one of them cannot be.

    Its project documents no such upgrade, or the model does not have what it takes: two units of each API, behind a
    load balancer. The evidence says which service, and why. Add a unit, leave the service out with ``--service``,
    or take it forward in an outage, without ``--rolling``.
    """

    code = "OW961"


class BalancerSilent(OnwardError):
    """The load balancer cannot be told which units get calls.

    HAProxy does not run, or refuses what it was told. A unit is not stopped before HAProxy has agreed to send it no
    more calls. The evidence is what the system or HAProxy says. Resuming the run asks again.
    """

    code = "OW962"


class UnitNotAdmitted(OnwardError):
    """A unit was not taken out of the load balancer, or not back into it, because callers would have noticed.

    Either no other unit of its application serves, or its calls do not end, or, with its new release, it does not
    answer calls that come through the load balancer. The evidence is what HAProxy sees of each unit. Those that serve
    go on serving; resuming the run goes on with this one.
    """

    code = "OW963"


class OptionUndecided(Refused):
    """The bundle sets an option that the release it goes to does not read any more.

    Options that only have another name are written under that by themselves. This one is gone, so that what it did is
    done no more, or by something else: the release notes say what. The evidence names each with the last release that
    read it and the reason that was given there. Decide: leave it out with ``--drop-option APPLICATION:OPTION``, or take
    it out of the bundle, and set what takes its place.
    """

    code = "OW964"


class InstancesTouched(OnwardError):
    """After services went to another release, instances are not what they were.

    No release of a service stops, moves or restarts an instance. The evidence names each with what is otherwise: its
    host, its power state, when it was launched. Users may have done so meanwhile, or a compute has ended and was
    evacuated: what is understood is let pass with ``--waive 'instances=REASON'``.
    """

    code = "OW965"


class DataPlaneLost(OnwardError):
    """While services went to another release, pings went unanswered for longer than the plan allows.

    They go from one network namespace of this machine to another one, through its kernel alone: what loses them is an
    overloaded machine, or something that changes its network. The budget is ``--data-plane-budget``; what is understood
    is let pass with ``--waive 'data plane=REASON'``.
    """

    code = "OW966"
