"""What a step of a run waits for, and why: in words, from the run's record. Pure."""

from collections.abc import Mapping

from onward.engine.record import RunRecord, StepRecord
from onward.plan.step import Step

MOST_NAMED = 3


_THERE = {
    "unit.configure": "{target}'s configuration",
    "unit.start": "{target} to serve",
    "unit.remove": "{target} to leave",
    "cluster.galera": "{target} to be one cluster",
    "cluster.rabbitmq": "{target} to be one cluster",
    "application.publish": "{target} to answer through its load balancer",
    "application.initialise": "{target}'s first data",
    "application.environment": "the code of {target}",
}


def what_is_waited_for(run: RunRecord, step_id: str) -> str:
    """What the step needs that is not there yet, and what has to be done for it first; empty where nothing is left."""
    steps = {each.step.id: each for each in run.steps}
    missing = _missing(steps, steps[step_id].step)
    # What is waited for by something else that is waited for, too, is no news.
    indirect = {earlier for each in missing for earlier in _before(steps, each)}
    direct = [each for each in missing if each not in indirect]
    if not direct:
        return ""
    first = [each for each in {*missing, *indirect} if not _missing(steps, steps[each].step)]
    causes = sorted(each for each in first if each not in direct)
    because = f", which waits for {_named([_doing(steps[each]) for each in causes])}" if causes else ""
    own = [_doing(steps[each]) if each in first else awaited(steps[each].step) for each in direct]
    return _named(own) + because


def awaited(step: Step) -> str:
    """What is there when a step is done."""
    if step.action.endswith(".grant"):
        _, user, _, provider = step.id.split("/")
        return f"{provider} to let {user} in"
    return _THERE.get(step.action, step.id).format(target=step.target)


def _doing(record: StepRecord) -> str:
    words = {"running": " (at work)", "failed": " (failed)", "waiting": "", "done": ""}
    return awaited(record.step) + words[record.status]


def _named(texts: list[str]) -> str:
    more = f" and {len(texts) - MOST_NAMED} more" if len(texts) > MOST_NAMED else ""
    return ", ".join(texts[:MOST_NAMED]) + more


def _missing(steps: Mapping[str, StepRecord], step: Step) -> list[str]:
    return [need for need in step.needs if steps[need].status != "done"]


def _before(steps: Mapping[str, StepRecord], step_id: str) -> set[str]:
    """All steps that are not done and have to be, before this one begins."""
    found: set[str] = set()
    waiting = _missing(steps, steps[step_id].step)
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += _missing(steps, steps[each].step)
    return found
