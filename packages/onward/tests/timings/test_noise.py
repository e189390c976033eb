"""What is called slower is slower, and noise is not: on times that are known, and on noise that is known."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as some

from onward.timings.noise import LEVEL, Sample, judge, student

TRIALS = 200
KINDS = [0.3, 0.6, 1.1, 2.4, 3.0, 5.0, 8.0, 14.0, 31.0, 60.0]
"""Seconds of ten kinds of steps."""


def noisy(chance: random.Random, seconds: float, spread: float, many: int) -> tuple[float, ...]:
    return tuple(seconds * chance.lognormvariate(0, spread) for _ in range(many))


def trials(before: int, now: int, *, unlike: float, slower: float = 1.0) -> Iterator[list[Sample]]:
    """Comparisons of ten kinds of steps; the spread of each is its own, and the fifth kind has become slower."""
    chance = random.Random(20260101)  # noqa: S311 - reproducible, and no secret
    for _ in range(TRIALS):
        found = []
        for place, seconds in enumerate(KINDS):
            spread = 0.1 * chance.lognormvariate(0, unlike)
            factor = slower if place == 4 else 1.0
            found.append(
                Sample(str(place), noisy(chance, seconds, spread, before), noisy(chance, factor * seconds, spread, now))
            )
        yield found


@pytest.mark.parametrize(("before", "now"), [(2, 1), (3, 1), (5, 1), (5, 5)])
@pytest.mark.parametrize("unlike", [0.0, 0.6])
def test_runs_that_are_alike_raise_no_more_alarms_than_is_said(before: int, now: int, unlike: float) -> None:
    alarms = sum(
        any(each.verdict == "slower" for each in judge(samples)) for samples in trials(before, now, unlike=unlike)
    )
    assert alarms <= LEVEL * TRIALS


@pytest.mark.parametrize(("now", "found"), [(1, 0.8), (5, 0.95)])
def test_twice_the_time_is_found_with_five_repeats_and_nothing_else_is(now: int, found: float) -> None:
    seen = others = 0
    for samples in trials(5, now, unlike=0.2, slower=2.0):
        slower = {each.name for each in judge(samples) if each.verdict == "slower"}
        seen += "4" in slower
        others += bool(slower - {"4"})
    assert seen >= found * TRIALS
    assert others <= LEVEL * TRIALS


def test_half_the_time_is_faster_and_no_regression() -> None:
    (judged,) = judge([Sample("start", (4.0, 4.1, 3.9, 4.05, 3.95), (2.0,))])
    assert (judged.verdict, round(judged.ratio, 2)) == ("faster", 0.5)


def test_of_one_run_nothing_is_known() -> None:
    judged = judge([Sample("start", (1.0,), (9.0,)), Sample("stop", (1.0,), (1.0,))])
    assert [(each.chance, each.verdict) for each in judged] == [(None, "unknown")] * 2


def test_a_difference_that_a_clock_cannot_tell_is_none() -> None:
    (judged,) = judge([Sample("grant", (0.02, 0.02, 0.02, 0.02, 0.02), (0.04,))])
    assert judged.verdict == "same"


def test_nothing_to_compare_is_nothing() -> None:
    assert judge([]) == ()


positive = some.floats(0.01, 1000, allow_nan=False)
samples_of = some.integers(2, 6).flatmap(
    lambda many: some.lists(
        some.tuples(some.lists(positive, min_size=many, max_size=many), some.lists(positive, min_size=2, max_size=2)),
        min_size=1,
        max_size=8,
    )
)


@given(samples_of, some.randoms())
def test_the_order_of_runs_and_of_kinds_does_not_matter(drawn: list[tuple[list[float], list[float]]], chance) -> None:
    samples = [Sample(str(place), tuple(before), tuple(now)) for place, (before, now) in enumerate(drawn)]
    shuffled = [
        Sample(each.name, tuple(chance.sample(each.before, len(each.before))), tuple(reversed(each.now)))
        for each in samples
    ]
    chance.shuffle(shuffled)
    told = {each.name: each for each in judge(samples)}
    again = {each.name: each for each in judge(shuffled)}
    for name, judged in told.items():
        assert again[name].chance == pytest.approx(judged.chance, rel=1e-6, abs=1e-12)
        assert again[name].ratio == pytest.approx(judged.ratio)


@given(samples_of, some.floats(0.1, 10))
def test_a_chance_is_one_and_grows_no_smaller_by_what_is_looked_at_beside(
    drawn: list[tuple[list[float], list[float]]], level: float
) -> None:
    samples = [Sample(str(place), tuple(before), tuple(now)) for place, (before, now) in enumerate(drawn)]
    for each in judge(samples, level):
        assert each.chance is not None
        assert 0 <= each.chance <= 1
        assert (each.verdict == "same") == (each.chance > level)


@pytest.mark.parametrize(
    ("freedom", "far"),
    [(1, 12.706205), (2, 4.302653), (3, 3.182446), (4, 2.776445), (7, 2.364624), (10, 2.228139), (30, 2.042272)],
)
def test_students_t_is_that_of_the_tables(freedom: int, far: float) -> None:
    """Two sides, five in a hundred: NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2."""
    assert student(far, freedom) == pytest.approx(0.05, abs=1e-5)
    assert student(0, freedom) == 1
