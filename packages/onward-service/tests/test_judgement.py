"""What many workers have seen becomes one answer, whatever they have seen."""

from hypothesis import given
from hypothesis import strategies as st

from onward_service.judgement import Limits, components, whole
from onward_service.observation import Observation, Outcome, Status, next_status

NOW = 1_000_000.0
SQL, NEIGHBOUR = "sql:db:3306/keystone", "service:identity"


def seen(
    status: Status, age: float = 1.0, worker: int = 1, alive: bool = True, component: str = SQL, reason: str = ""
) -> Observation:
    return Observation(component, status, NOW - age, 0.002, 0.002, 10, 1, reason, worker, alive)


observations = st.builds(
    seen,
    st.sampled_from(Status),
    st.floats(-10, 1000),
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from([SQL, NEIGHBOUR]),
    st.text(max_size=5),
)


def test_first_loss_warns_and_a_refused_reconnect_fails() -> None:
    assert next_status(Status.PASS, Outcome.LOST) is Status.WARN
    assert next_status(Status.WARN, Outcome.REFUSED) is Status.FAIL
    assert next_status(Status.WARN, Outcome.LOST) is Status.FAIL
    assert next_status(Status.FAIL, Outcome.ANSWERED) is Status.PASS


def test_the_newest_decides_and_a_worker_without_connection_warns() -> None:
    (found,) = components([seen(Status.FAIL, 5, reason="Lost"), seen(Status.PASS, 1, worker=2)], NOW, Limits())
    assert (found.status, found.output) == (Status.WARN, "1 of 2 workers: Lost")
    (found,) = components([seen(Status.PASS, 5), seen(Status.FAIL, 1, worker=2, reason="Lost")], NOW, Limits())
    assert (found.status, found.output) == (Status.FAIL, "Lost")


def test_a_unit_without_traffic_is_tried_again() -> None:
    """A load balancer that sends nothing to a failed unit would never learn that it is well again."""
    (found,) = components([seen(Status.FAIL, 31, reason="Refused")], NOW, Limits(retry=30))
    assert found.status is Status.WARN
    assert "may be well again" in found.output


def test_what_a_worker_saw_that_has_ended_ages_out() -> None:
    assert len(components([seen(Status.PASS, 299, alive=False)], NOW, Limits())) == 1
    assert components([seen(Status.PASS, 301, alive=False)], NOW, Limits()) == ()
    assert len(components([seen(Status.PASS, 301)], NOW, Limits())) == 1


def test_a_neighbours_failure_is_the_neighbours() -> None:
    found = components([seen(Status.PASS), seen(Status.FAIL, component=NEIGHBOUR)], NOW, Limits())
    assert whole(found, frozenset({"sql"})) is Status.WARN
    assert {each.name: each.status for each in found}[NEIGHBOUR] is Status.FAIL
    assert whole(found, frozenset({"sql", "service"})) is Status.FAIL


@given(st.lists(observations, max_size=12))
def test_order_does_not_matter_and_nothing_is_worse_than_what_was_seen(each: list[Observation]) -> None:
    found = components(each, NOW, Limits())
    assert found == components(sorted(each, key=repr), NOW, Limits()) or _same_but_reasons(found, each)
    worst = max((one.status for one in each), default=Status.PASS)
    assert whole(found, frozenset({"sql", "service"})) <= worst
    assert all(one.age >= 0 for one in found)


def _same_but_reasons(found: object, each: list[Observation]) -> bool:
    """Of several workers that lost it, any one's reason is shown."""
    again = components(sorted(each, key=repr), NOW, Limits())
    assert isinstance(found, tuple)
    return [(one.name, one.status, one.uses) for one in found] == [(one.name, one.status, one.uses) for one in again]
