"""Plans what leaves nothing of a model. Pure."""

from collections.abc import Sequence

from onward.plan.deployment.granting import Granted, withdrawal
from onward.plan.deployment.site import Site
from onward.plan.plan import Plan
from onward.plan.step import Step


def plan_removal(site: Site, applications: Sequence[tuple[str, ...]], granted: Sequence[Granted] = ()) -> Plan:
    """The steps that leave nothing of a model: the units of each application at once, those of the next afterwards.

    What applications of other models have ``granted`` is taken back. What is in a catalogue goes before the units
    do, so that nobody is sent to where nobody answers; databases go when nobody uses them any more.
    """
    listed = [withdrawal(each, (), reversible=False) for each in granted if each.wish.registers]
    removals: list[Step] = [*listed]
    before = tuple(step.id for step in listed)
    for units in applications:
        removals += [
            Step(
                id=f"remove/{unit}",
                action="unit.remove",
                target=unit,
                arguments={"unit": unit, "directory": str(site.unit_directory(unit))},
                needs=before,
                reason="stopped, and all that it kept is removed",
                phase="cleanup",
                reversible=False,
            )
            for unit in units
        ]
        before = tuple(f"remove/{unit}" for unit in units) or before
    rest = [withdrawal(each, before, reversible=False) for each in granted if not each.wish.registers]
    removals += rest
    before += tuple(step.id for step in rest)
    end = Step(
        id="forget",
        action="model.forget",
        target=site.model,
        arguments={"sockets": str(site.sockets)},
        needs=before,
        reason="no process, file or address is left behind",
        phase="cleanup",
        reversible=False,
    )
    return Plan(kind="removal", cloud=site.model, steps=(*removals, end), facts={}).sealed()
