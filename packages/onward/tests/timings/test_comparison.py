"""Runs of a real plan against a baseline of it: what is compared with what."""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as some
from timed_runs import BUNDLE, deployment, times

from onward.timings.comparison import WHOLE, Comparison, compare
from onward.timings.run import RunTimes

PLAN = deployment()
SECONDS = {
    "unit.start": 4.0,
    "unit.configure": 0.4,
    "application.environment": 0.05,
    "application.initialise": 6.0,
    "application.publish": 0.5,
}


def runs(many: int, seed: int, factor: Callable[[str], float] = lambda _: 1.0, bundle: str = BUNDLE) -> list[RunTimes]:
    """So many runs, in which each step takes what its action takes, by a factor, more or less."""
    chance, plan = random.Random(seed), deployment(bundle)  # noqa: S311 - reproducible, and no secret
    return [
        times(
            plan,
            {
                each.id: SECONDS.get(each.action, 0.1) * factor(each.id) * chance.lognormvariate(0, 0.1)
                for each in plan.steps
            },
            run=f"run-{seed}-{number}",
        )
        for number in range(many)
    ]


def verdicts(comparison: Comparison) -> dict[str, str]:
    return {each.judged.name: each.judged.verdict for each in comparison.compared}


def test_what_is_slower_is_named_and_units_are_counted_as_one_work() -> None:
    comparison = compare(runs(5, 1), runs(1, 2, lambda step: 2.0 if step.startswith("start/keystone/") else 1.0))
    found = verdicts(comparison)
    assert found["start/keystone"] == "slower"
    assert {name for name, verdict in found.items() if verdict == "slower"} <= {WHOLE, "start/keystone"}
    (keystone,) = (each for each in comparison.slower if each.judged.name == "start/keystone")
    assert keystone.steps == 3
    assert keystone.judged.ratio == pytest.approx(2.0, rel=0.25)
    assert not comparison.all_alike


def test_where_all_is_slower_by_the_same_factor_the_machine_is_to_blame() -> None:
    comparison = compare(runs(5, 1), runs(3, 2, lambda _: 2.0))
    assert verdicts(comparison)[WHOLE] == "slower"
    assert comparison.all_alike


def test_nothing_is_said_of_what_is_too_short_to_matter() -> None:
    comparison = compare(runs(5, 1), runs(1, 2, lambda step: 1.8 if step.startswith("environment") else 1.0))
    assert "environment/keystone" in comparison.short
    assert "environment/keystone" not in verdicts(comparison)
    assert not comparison.slower


def test_what_was_short_and_is_long_now_is_found() -> None:
    comparison = compare(runs(5, 1), runs(1, 2, lambda step: 200.0 if step.startswith("environment") else 1.0))
    assert verdicts(comparison)["environment/keystone"] == "slower"


def test_an_environment_that_is_built_is_other_work_than_one_that_is_found() -> None:
    seconds = {each.id: SECONDS.get(each.action, 0.1) for each in PLAN.steps}
    before = [times(PLAN, seconds, run=f"b{number}") for number in range(3)]
    comparison = compare(before, [times(PLAN, seconds, run="n", built=True)])
    assert comparison.gone == ("environment/keystone",)
    assert comparison.new == ("environment/keystone (built)",)
    assert WHOLE not in verdicts(comparison)


@pytest.mark.parametrize("grown", [True, False])
def test_a_model_with_a_unit_more_is_compared_by_the_units_that_both_have(grown: bool) -> None:
    larger = BUNDLE.replace("num_units: 3}\n  haproxy", "num_units: 4}\n  haproxy")
    before, now = (BUNDLE, larger) if grown else (larger, BUNDLE)
    comparison = compare(runs(4, 1, bundle=before), runs(2, 2, bundle=now))
    found = {each.judged.name: each for each in comparison.compared}
    assert found["start/keystone"].steps == 3
    assert WHOLE not in found
    assert not comparison.slower


def test_one_run_is_no_baseline_for_noise() -> None:
    comparison = compare(runs(1, 1), runs(1, 2, lambda _: 9.0))
    assert not comparison.noise_known
    assert set(verdicts(comparison).values()) == {"unknown"}


@given(some.permutations(range(5)), some.permutations(range(2)))
def test_the_order_of_runs_does_not_matter(first: list[int], second: list[int]) -> None:
    before, now = runs(5, 1), runs(2, 2, lambda step: 1.5 if "mariadb" in step else 1.0)
    assert compare([before[place] for place in first], [now[place] for place in second]) == compare(before, now)
