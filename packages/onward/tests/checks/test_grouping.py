"""Findings are put together for people: nothing is lost, and the worst comes first."""

from hypothesis import given
from hypothesis import strategies as st

from onward.checks.finding import RESULTS, Finding, in_order_of_gravity
from onward.checks.grouping import grouped, named, together

words = st.sampled_from(["disk", "broker", "roles"])
findings = st.lists(
    st.builds(
        Finding,
        name=words,
        result=st.sampled_from(RESULTS),
        details=st.sampled_from(["", "full", "silent"]),
        about=st.sampled_from(["", "db1", "nova 2024.1", "nova 2024.2"]),
        waived=st.sampled_from(["", "because"]),
    )
)


@given(findings)
def test_every_finding_is_in_a_group_with_the_same_result_and_words(given: list[Finding]) -> None:
    groups = grouped(given)
    for finding in given:
        assert any(
            (group.finding.result, group.finding.details) == (finding.result, finding.details)
            and finding.name in group.title
            and finding.about.rpartition(" ")[2] in group.title
            for group in groups
        )


@given(findings)
def test_nothing_that_stops_comes_after_anything_that_does_not(given: list[Finding]) -> None:
    ordered = in_order_of_gravity(given)
    assert sorted(ordered, key=str) == sorted(given, key=str)
    stops = [finding.stops for finding in ordered]
    assert stops == sorted(stops, reverse=True)


def test_series_of_one_service_are_said_together() -> None:
    assert together(["keystone 2023.2", "keystone 2024.1", "nova 2024.1"]) == "keystone 2023.2, 2024.1; nova 2024.1"
    assert together(["10.0.0.1:3306", "10.0.0.2:3306"]) == "10.0.0.1:3306, 10.0.0.2:3306"
    assert named([Finding("disk", "fail", about="db1"), Finding("disk", "fail", about="db2")]) == "disk (db1, db2)"


def test_checks_that_could_not_tell_for_the_same_reason_are_one_group() -> None:
    given = [Finding(name, "could-not-tell", "no cloud file") for name in ("schema", "broker")]
    (group,) = grouped(given)
    assert group.title == "schema; broker"
    assert len(grouped([Finding(name, "fail", "broken") for name in ("schema", "broker")])) == 2
