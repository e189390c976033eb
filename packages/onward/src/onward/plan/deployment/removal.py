"""Plans what leaves nothing of a model. Pure."""

from collections.abc import Sequence

from onward.plan.deployment.site import Site
from onward.plan.plan import Plan
from onward.plan.step import Step


def plan_removal(site: Site, applications: Sequence[tuple[str, ...]]) -> Plan:
    """The steps that leave nothing of a model: the units of each application at once, those of the next afterwards."""
    removals: list[Step] = []
    before: tuple[str, ...] = ()
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
