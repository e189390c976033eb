"""What is said of the difference between two rounds of checks, and what is not worth a word."""

from hypothesis import given
from hypothesis import strategies as st

from onward.checks.changes import Change, changes
from onward.checks.finding import QUIET, RESULTS, Finding

FULL = Finding("disk", "fail", "0.2 GB are left", "free some", about="db1", check="machine")


def findings() -> st.SearchStrategy[list[Finding]]:
    return st.lists(
        st.builds(
            Finding,
            name=st.sampled_from(["disk", "broker"]),
            result=st.sampled_from(RESULTS),
            details=st.sampled_from(["full", "12 left", "13 left"]),
            about=st.sampled_from(["", "db1"]),
            waived=st.sampled_from(["", "until May"]),
        ),
        max_size=6,
    )


def as_it_was(finding: Finding, **other: str) -> Finding:
    return Finding(**{**vars(finding), **other})


def test_what_appears_and_what_goes_is_said() -> None:
    assert changes([], [FULL]) == [Change("new", FULL)]
    assert changes([FULL], []) == [Change("gone", FULL, FULL)]


def test_another_result_is_said_with_the_one_it_was() -> None:
    mended = as_it_was(FULL, result="pass", details="80 GB are left", way_out="")
    assert changes([FULL], [mended]) == [Change("level", mended, FULL)]
    assert changes([mended], [FULL]) == [Change("level", FULL, mended)]


def test_a_waiver_is_another_level() -> None:
    waived = as_it_was(FULL, waived="until May")
    assert changes([FULL], [waived]) == [Change("level", waived, FULL)]


def test_numbers_that_go_up_and_down_are_no_news() -> None:
    assert changes([FULL], [as_it_was(FULL, details="0.31 GB are left")]) == []


def test_other_words_of_what_stops_are_news_and_of_what_passes_are_not() -> None:
    other = as_it_was(FULL, details="it cannot be read")
    assert changes([FULL], [other]) == [Change("words", other, FULL)]
    passes = as_it_was(FULL, result="pass")
    assert changes([passes], [as_it_was(passes, details="all of it")]) == []


def test_of_several_findings_of_one_name_only_the_new_one_is_said() -> None:
    options = [Finding("option values", "fail", f"[a] {name} is x", about="nova") for name in ("one", "two")]
    assert changes([options[0]], options) == [Change("new", options[1])]
    assert changes(options, [options[1]]) == [Change("gone", options[0], options[0])]


def test_what_fails_instead_of_passing_is_one_change_beside_what_already_failed() -> None:
    passing = Finding("option values", "pass", "all are fine", about="nova")
    failing = Finding("option values", "fail", "[a] one is x", about="nova")
    assert changes([passing], [failing]) == [Change("level", failing, passing)]


@given(findings())
def test_the_same_findings_in_any_order_are_no_change(found: list[Finding]) -> None:
    assert changes(found, list(reversed(found))) == []


@given(findings(), findings())
def test_there_and_back_are_the_same_number_of_changes(before: list[Finding], after: list[Finding]) -> None:
    assert len(changes(before, after)) == len(changes(after, before))


@given(findings(), findings())
def test_who_reads_the_changes_knows_what_stops_now(before: list[Finding], after: list[Finding]) -> None:
    """The stopping findings before, and the changes, give the number of those after."""
    stopping = sum(each.stops for each in before)
    for change in changes(before, after):
        stopping += (change.kind != "gone" and change.finding.stops) - (
            change.before is not None and change.before.stops
        )
    assert stopping == sum(each.stops for each in after)


@given(findings(), findings())
def test_nothing_is_said_of_what_passes_unless_it_did_not_before(before: list[Finding], after: list[Finding]) -> None:
    for change in changes(before, after):
        assert change.finding.result not in QUIET or change.kind == "level"
