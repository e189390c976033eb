"""Which steps may begin: in the plan's order, after their needs, within their limits, and none is forgotten."""

from collections import Counter

from engine_lives import plan_of, step
from hypothesis import given
from hypothesis import strategies as st

from onward.engine.schedule import Schedule
from onward.plan.plan import Plan

POOLS = ("lane", "network")


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Any acyclic plan of up to 25 steps; a step may stand before those it needs."""
    count = draw(st.integers(1, 25))
    names = [f"s{number}" for number in range(count)]
    steps = []
    for number, name in enumerate(names):
        needs = draw(st.sets(st.sampled_from(names[:number]), max_size=4)) if number else set()
        steps.append(step(name, " ".join(sorted(needs)), pool=draw(st.sampled_from([None, *POOLS]))))
    limits = draw(st.dictionaries(st.sampled_from(POOLS), st.integers(1, 3)))
    return plan_of(*draw(st.permutations(steps)), limits=limits)


def may_begin(plan: Plan, done: set[str], running: set[str], failed: set[str], overall: int) -> str | None:
    """The first step that may begin, worked out from nothing each time."""
    busy = Counter(plan.step(each).pool for each in running)
    for each in plan.steps:
        known = each.id in done | running | failed
        full = each.pool in plan.limits and busy[each.pool] >= plan.limits[each.pool]
        if not known and set(each.needs) <= done and not full and len(running) < overall:
            return each.id
    return None


@given(plan=plans(), overall=st.integers(1, 5), data=st.data())
def test_every_choice_is_the_one_that_needs_and_limits_call_for(plan: Plan, overall: int, data: st.DataObject) -> None:
    schedule = Schedule(plan, overall)
    done: set[str] = set()
    running: set[str] = set()
    failed: set[str] = set()
    before = data.draw(st.integers(0, len(plan.steps)))
    for _ in range(before):  # what an earlier life of the run has done
        ready = [each.id for each in plan.steps if each.id not in done and set(each.needs) <= done]
        if ready:
            done.add(data.draw(st.sampled_from(ready)))
    schedule.finished_before(done)
    while True:
        expected = may_begin(plan, done, running, failed, overall)
        chosen = schedule.begin_next()
        assert (chosen.id if chosen else None) == expected
        if expected is not None:
            running.add(expected)
            continue
        if not running:
            break
        ended = data.draw(st.sampled_from(sorted(running)))
        running.remove(ended)
        if data.draw(st.integers(0, 9)) == 0:
            failed.add(ended)
            schedule.failed(ended)
        else:
            done.add(ended)
            schedule.succeeded(ended)
    assert schedule.finished == (len(done) == len(plan.steps))
    assert schedule.done == done
    assert schedule.finished or failed


@given(plan=plans(), overall=st.integers(1, 5))
def test_equal_plans_are_begun_in_equal_order(plan: Plan, overall: int) -> None:
    def order() -> list[str]:
        schedule, begun = Schedule(plan, overall), []
        while not schedule.finished:
            while chosen := schedule.begin_next():
                begun.append(chosen.id)
            schedule.succeeded(next(iter(schedule.running)))
        return begun

    assert order() == order()
    assert Counter(order()) == Counter(each.id for each in plan.steps)
