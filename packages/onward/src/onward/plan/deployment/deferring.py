"""When a step that was done is the same as one that is to be done, and which restarts are put off. Pure."""

from collections.abc import Iterable, Mapping

from onward.plan.plan import digest_of
from onward.plan.step import Step

_NOT_STATE = {
    "unit.start": ("begins", "taken_over", "behind"),
    "unit.configure": ("start",),
    "application.initialise": ("configuration", "databases"),
}
"""Arguments that say how a step is done, and nothing of what is there afterwards: a schema that was made with the files
of the first unit need not be made again when another unit is the first one."""


def step_digest(step: Step) -> str:
    """What makes a step that was done the same as one that is to be done."""
    how = _NOT_STATE.get(step.action, ())
    state = {name: value for name, value in step.arguments.items() if name not in how}
    return digest_of([step.action, state, *([step.machine] if step.machine else [])])


def deferrals(
    steps: Iterable[Step], holds: Mapping[str, str], deferred: Mapping[str, str], *, defer: bool
) -> dict[str, str]:
    """Steps that would restart a unit that runs, and are put off: as if they were done; with their digests.

    A restart that was put off before stays so as long as nothing else of the unit changes.
    """
    found = {}
    for each in steps:
        if each.action == "unit.start" and each.id in holds:
            digest = step_digest(each)
            if holds[each.id] != digest and (defer or deferred.get(each.target) == digest):
                found[each.id] = digest
    return found


def deferring(put_off: Mapping[str, str], left: Iterable[str]) -> list[Step]:
    """The steps that note what units owe, each when its files are written."""
    written, found = set(left), []
    for start, digest in put_off.items():
        unit = start.partition("/")[2]
        configure = f"configure/{unit}"
        why = "" if configure in written else "its processes shall run otherwise"
        found.append(
            Step(
                id=f"defer/{unit}",
                action="unit.defer",
                target=unit,
                arguments={"unit": unit, "digest": digest, "why": why},
                needs=(configure,) if configure in written else (),
                reason="it runs on with what it has read, until it is restarted",
                phase="deploy",
            )
        )
    return found
