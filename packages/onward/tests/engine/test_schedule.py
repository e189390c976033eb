"""Which steps may begin: in the plan's order, after their needs, within their limits, and none is forgotten."""

from collections import Counter

from engine_lives import plan_of, step
from hypothesis import given, settings
from hypothesis import strategies as st

from onward.engine.schedule import Schedule
from onward.plan.plan import Plan
from onward.plan.step import WAIT_POOL

POOLS = ("lane", "network", WAIT_POOL)


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
    waits = {WAIT_POOL} & set(plan.limits)
    at_work = sum(count for pool, count in busy.items() if pool not in waits)
    for each in plan.steps:
        known = each.id in done | running | failed
        full = each.pool in plan.limits and busy[each.pool] >= plan.limits[each.pool]
        if not known and set(each.needs) <= done and not full and (each.pool in waits or at_work < overall):
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


@settings(max_examples=40)
@given(plan=plans(), data=st.data())
def test_controllers_that_hear_the_same_decide_alike_and_lose_nothing(plan: Plan, data: st.DataObject) -> None:
    bound = data.draw(st.sets(st.sampled_from([each.id for each in plan.steps])))
    controllers = [Schedule(plan, len(plan.steps), bound) for _ in range(3)]
    heard = [0, 0, 0]
    history: list[tuple[str, str]] = []
    running: dict[str, int] = {}
    done: set[str] = set()
    leader = 0
    for _ in range(4 * len(plan.steps)):
        who = data.draw(st.integers(0, 2))
        for kind, step_id in history[heard[who] :]:
            getattr(controllers[who], kind)(step_id)
        heard[who] = len(history)
        match data.draw(st.sampled_from(["take", "take", "end", "end", "lost"])):
            case "take":
                chosen = controllers[who].begin_next(leading=who == leader)
                if chosen is not None:
                    assert who == leader or chosen.id not in bound
                    assert chosen.id not in running
                    assert chosen.id not in done
                    assert set(chosen.needs) <= done
                    busy = Counter(plan.step(each).pool for each in running)
                    assert chosen.pool not in plan.limits or busy[chosen.pool] < plan.limits[chosen.pool]
                    running[chosen.id] = who
                    history.append(("begun", chosen.id))
                    heard[who] += 1
            case "end":
                own = sorted(each for each, at in running.items() if at == who)
                if own:
                    ended = data.draw(st.sampled_from(own))
                    del running[ended]
                    done.add(ended)
                    controllers[who].succeeded(ended)
                    history.append(("succeeded", ended))
                    heard[who] += 1
            case "lost":
                # Another one is lost: what it had is given back, and somebody else leads.
                other = data.draw(st.sampled_from([each for each in range(3) if each != who]))
                for each in sorted(step_id for step_id, at in running.items() if at == other):
                    del running[each]
                    controllers[who].given_back(each)
                    history.append(("given_back", each))
                    heard[who] += 1
                leader = who if other == leader else leader
                # It comes back as a new one, and hears everything from the beginning.
                controllers[other], heard[other] = Schedule(plan, len(plan.steps), bound), 0
    for kind, step_id in history[heard[leader] :]:
        getattr(controllers[leader], kind)(step_id)
    for each in sorted(running):
        controllers[leader].given_back(each)
    while (chosen := controllers[leader].begin_next()) is not None:
        assert chosen.id not in done
        controllers[leader].succeeded(chosen.id)
        done.add(chosen.id)
    assert controllers[leader].finished
    assert done == {each.id for each in plan.steps}
