"""For how long an API was gone, as its callers saw it."""

from hypothesis import given
from hypothesis import strategies as st

from onward.model.availability import Call, availability


def calls(*parts: tuple[float, float, bool]) -> list[Call]:
    return [Call(begin, end, "" if good else "503") for begin, end, good in parts]


def test_it_is_gone_from_the_first_failed_call_to_the_end_of_the_next_good_one() -> None:
    seen = availability(calls((0, 0.1, True), (1, 1.5, False), (2, 2.5, False), (3, 3.2, True), (4, 4.1, True)), 5)
    assert (seen.calls, seen.failed, seen.longest_seconds, seen.last_failure) == (5, 2, 2.2, "503")


def test_all_times_without_an_answer_are_summed_up_and_the_longest_one_is_told() -> None:
    seen = availability(calls((0, 1, False), (1, 2, True), (3, 4, False), (4, 7, True), (8, 9, False)), 10)
    assert (seen.gone_seconds, seen.longest_seconds) == (2 + 4 + 2, 4)


def test_a_call_that_hangs_and_is_answered_is_time_without_an_answer() -> None:
    assert availability(calls((0, 0.1, True), (1, 9, True), (9, 9.1, True)), 10).longest_seconds == 8


def test_what_never_comes_back_is_gone_until_nobody_calls_any_more() -> None:
    assert availability(calls((0, 0.1, True), (1, 2, False), (2, 3, False)), 7).longest_seconds == 6


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5), st.booleans()), max_size=30))
def test_a_failure_more_never_makes_it_look_better(parts: list[tuple[float, float, bool]]) -> None:
    now, made = 0.0, []
    for pause, took, good in parts:
        made.append(Call(now + pause, now + pause + took, "" if good else "refused"))
        now = made[-1].end
    whole = availability(made, now)
    for place, call in enumerate(made):
        worse = [*made[:place], Call(call.begin, call.end, "refused"), *made[place + 1 :]]
        assert availability(worse, now).longest_seconds >= whole.longest_seconds
