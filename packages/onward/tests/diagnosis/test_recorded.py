"""Faults that were put into a deployed cloud and recorded: judged again, the right cause is named first."""

from material.recorded_faults import Recorded, recorded
from recorded_diagnosis import accuracy


def is_slow(case: Recorded) -> bool:
    return any(kind == "slow" for kind, _ in case.truth)


def test_the_right_cause_is_named_first_and_all_within_three() -> None:
    cases = [each for each in recorded() if each.kind != "healthy" and not is_slow(each)]
    assert len(cases) >= 13
    assert {
        each.name: each.named()[:1] for each in cases if each.named()[:1] and each.named()[0] not in each.truth
    } == {}
    found = accuracy(cases)
    assert found["first_right"] == 1.0
    assert found["all_of_them_within_three"] == 1.0
    assert float(str(found["most_reported_place_first"])) < 1.0


def test_of_one_that_is_slow_no_other_place_is_named() -> None:
    """Some were recorded when units did not tell yet how long their own answers take: nothing is seen of it there."""
    for case in filter(is_slow, recorded()):
        places = {subject for _, subject in case.truth}
        assert {subject for _, subject in case.named()} <= places, case.name


def test_no_cause_is_named_where_nothing_was_wrong() -> None:
    assert [(each.name, each.named()) for each in recorded() if each.kind == "healthy" and each.named()] == []


def test_no_recorded_word_is_a_place_of_another_machine() -> None:
    for case in recorded():
        assert all("/models/" not in each.detail for each in case.observations())
