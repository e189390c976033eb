"""Of which messages through a broker a look takes its measure."""

from hypothesis import given
from hypothesis import strategies as st

from onward.observe.broker_load import LEAST_SPAN_SECONDS, counted_answers

TIMES = st.lists(st.floats(0, 100), max_size=40).map(sorted)


@given(TIMES, st.floats(0, 100), st.floats(0, 100))
def test_all_since_the_last_look_count_and_never_less_than_a_second(at: list[float], one: float, two: float) -> None:
    looked, now = sorted((one, two))
    counted = [when for when, _ in counted_answers([(each, 0.001) for each in at], looked, now)]
    assert counted == [each for each in at if each >= looked or each >= now - LEAST_SPAN_SECONDS]
