"""Which of a model's steps are left to do, and what these wait for then. Pure."""

from collections.abc import Mapping, Sequence

from onward.plan.deployment.deferring import step_digest
from onward.plan.step import Step


def left_of(steps: Sequence[Step], holds: Mapping[str, str]) -> list[Step]:
    """The steps that are to be done. A unit that is started has read its files, and need not take them over.

    One that runs takes them over when they are written: it may have begun anew since, and have read others.
    """
    remaining = {each.id for each in steps if holds.get(each.id) != step_digest(each)}
    for each in steps:
        if each.action == "unit.reload":
            if f"start/{each.target}" in remaining:
                remaining.discard(each.id)
            elif f"configure/{each.target}" in remaining:
                remaining.add(each.id)
    return [each for each in steps if each.id in remaining]


def still(needed: tuple[str, ...], remaining: set[str], needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """What a step has to wait for when steps before it have been done: whatever those would have waited for."""
    found: dict[str, None] = {}
    waiting, seen = list(needed), set[str]()
    while waiting:
        each = waiting.pop(0)
        if each in seen:
            continue
        seen.add(each)
        if each in remaining:
            found[each] = None
        else:
            waiting.extend(needs[each])
    return tuple(found)
