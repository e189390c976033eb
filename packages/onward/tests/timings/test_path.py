"""Why a run took so long: held against the real scheduler, and against what the longest way through a plan must be."""

from itertools import pairwise

import pytest
from engine_lives import plan_of, step
from hypothesis import given
from hypothesis import strategies as some
from timed_runs import deployment, times

from onward.plan.plan import Plan
from onward.timings.path import critical_path, shares
from onward.timings.run import RunTimes
from onward.timings.units import units


@some.composite
def plans(draw: some.DrawFn) -> tuple[Plan, dict[str, float]]:
    """Steps that each need some of those before."""
    many = draw(some.integers(1, 25))
    steps, seconds = [], {}
    for number in range(many):
        needs = draw(some.sets(some.integers(0, number - 1), max_size=3)) if number else set()
        steps.append(step(f"s{number}", " ".join(f"s{need}" for need in sorted(needs))))
        # Longer than what is taken for the scheduler's own time, and told apart to the millisecond.
        seconds[f"s{number}"] = draw(some.integers(200, 20_000)) / 1000
    return plan_of(*steps), seconds


def longest_way(plan: Plan, seconds: dict[str, float]) -> float:
    until: dict[str, float] = {}
    for each in plan.steps:
        until[each.id] = seconds[each.id] + max((until[need] for need in each.needs), default=0.0)
    return max(until.values())


@given(plans(), some.integers(1, 6))
def test_the_chain_reaches_from_the_beginning_to_the_end(drawn: tuple[Plan, dict[str, float]], at_once: int) -> None:
    run = times(*drawn, at_once=at_once)
    chain = critical_path(run.steps)
    assert chain[0].step.began == run.began
    assert chain[-1].step.ended == run.ended
    assert sum(link.waited + link.step.seconds for link in chain) == pytest.approx(run.seconds, abs=1e-3)
    for before, link in pairwise(chain):
        assert before.step.ended <= link.step.began
        assert link.for_a_place or before.step.id in link.step.needs


@given(plans())
def test_where_all_may_run_at_once_it_is_the_longest_way_through_the_plan(drawn: tuple[Plan, dict[str, float]]) -> None:
    run = times(*drawn, at_once=100)
    chain = critical_path(run.steps)
    assert not any(link.for_a_place for link in chain)
    assert sum(link.step.seconds for link in chain) == pytest.approx(longest_way(*drawn), abs=1e-3)


def test_a_step_that_had_to_wait_for_a_place_follows_the_one_that_gave_it() -> None:
    plan = plan_of(step("a"), step("b"), step("c", "a"))
    chain = critical_path(times(plan, {"a": 1.0, "b": 2.0, "c": 1.0}, at_once=1).steps)
    assert [(link.step.id, link.for_a_place) for link in chain] == [("a", False), ("b", True), ("c", True)]


def test_the_chain_of_a_deployment_goes_through_what_serves() -> None:
    plan = deployment()
    seconds = {each.id: 5.0 if each.action == "unit.start" else 0.3 for each in plan.steps}
    run = times(plan, seconds)
    names = [link.step.id for link in critical_path(run.steps)]
    assert names[0] == "record"
    assert names[-1] == "publish/keystone"
    assert names.index("start/mariadb/0") < names.index("initialise/keystone")
    found = {share.action: share for share in shares(run.steps, critical_path(run.steps))}
    assert found["unit.start"].steps == 8
    assert found["unit.start"].seconds == pytest.approx(40.0)
    assert found["unit.start"].critical >= 10.0
    assert sum(share.critical for share in found.values()) == pytest.approx(run.seconds, abs=0.1)
    ready = {each.unit: each for each in units(run)}
    assert ready["mariadb/0"].seconds == pytest.approx(5.3)
    assert ready["mariadb/0"].until < ready["keystone/2"].until


def test_what_a_run_did_not_work_is_no_time_of_it() -> None:
    plan = plan_of(step("a"), step("b", "a"))
    whole = times(plan, {"a": 1.0, "b": 2.0})
    first, second = whole.steps
    later = replace_times(whole, second.began + 3600)
    assert later.idle == pytest.approx(3600)
    assert later.seconds == pytest.approx(whole.seconds)
    assert critical_path((first, *later.steps[1:]))[-1].waited == pytest.approx(3600)


def replace_times(run: RunTimes, began: float) -> RunTimes:
    first, second = run.steps
    moved = second.model_copy(update={"began": began, "ended": began + second.seconds})
    return run.model_copy(update={"steps": (first, moved)})
