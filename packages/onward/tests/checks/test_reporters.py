"""Processes that report to a database: what is said of those that are late, left behind, disabled or too old."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from onward.checks.finding import Finding
from onward.checks.heartbeats import STALE_SECONDS, Least, reporter_findings
from onward.model.heartbeats import Reporter, Reporters

REMOVE = "openstack compute service delete {id}"
LEAST = Least("2026.2", 72, "nova-compute", ignored=False, option="[workarounds] skip = true")

ages = st.one_of(st.none(), st.floats(-1e7, 1e7))
rows = st.lists(
    st.builds(
        Reporter,
        kind=st.sampled_from(["nova-compute", "nova-conductor"]),
        host=st.sampled_from(["cmp1", "cmp2", "cmp3"]),
        identifier=st.uuids().map(str),
        age_seconds=ages,
        limit_seconds=st.just(60.0),
        disabled=st.booleans(),
        forced_down=st.booleans(),
        versions=st.sampled_from([(), ("66",), ("72",), ("0",), ("",)]),
    )
)


def reporter(host: str = "cmp1", age: float | None = 1.0, **words: Any) -> Reporter:
    told = {"kind": "nova-compute", "identifier": f"id-{host}", "limit_seconds": 60.0, "age_seconds": age}
    return Reporter(host=host, **{**told, **words})


def said(*seen: Reporters, least: Least | None = None, once: bool = False) -> list[Finding]:
    return list(reporter_findings("nova", seen, REMOVE, least, once=once))


@given(rows)
def test_whoever_is_late_and_not_disabled_is_named_and_nobody_else(found: list[Reporter]) -> None:
    findings = said(Reporters("", tuple(found)))
    late = [row for row in found if row.age_seconds is None or abs(row.age_seconds) > 60]
    for row in late:
        if row.disabled or row.forced_down:
            continue
        stale = row.age_seconds is None or row.age_seconds > STALE_SECONDS
        assert any(
            (each.name, each.result) == ("stale services", "warn") and row.kind in each.details
            if stale
            else (each.name, each.result, each.about) == ("services down", "fail", row.host)
            for each in findings
        )
    if all(row.disabled or row.forced_down for row in late):
        assert not {"services down", "stale services"} & {each.name for each in findings}


@given(rows)
def test_the_targets_api_starts_only_with_computes_that_are_new_enough(found: list[Reporter]) -> None:
    """As nova counts: the least of all that are neither deleted nor forced down, without those that say 0."""
    counted = [
        int(row.versions[0])
        for row in found
        if row.kind == "nova-compute" and not row.forced_down and row.versions and row.versions[0] not in ("", "0")
    ]
    judged = [each for each in said(Reporters("", tuple(found)), least=LEAST) if each.about == "nova 2026.2"]
    assert [each.result for each in judged] == ["fail" if counted and min(counted) < 72 else "pass"]


def test_computes_that_live_are_taken_forward_and_those_that_are_gone_are_removed() -> None:
    old = (reporter("cmp1", versions=("66",)), reporter("cmp2", STALE_SECONDS * 2, versions=("66",)))
    (judged,) = [each for each in said(Reporters("", old), least=LEAST) if each.about == "nova 2026.2"]
    assert "remove those that are gone: openstack compute service delete id-cmp2" in judged.way_out
    assert "take the others to a release that 2026.2 works with first" in judged.way_out
    assert "id-cmp1" not in judged.way_out


def test_a_name_that_a_shell_would_take_apart_is_quoted() -> None:
    (stale,) = [each for each in said(Reporters("", (reporter("a b", None),))) if each.name == "stale services"]
    assert stale.way_out.endswith("delete 'id-a b'")


def test_many_rows_are_counted_and_not_all_listed() -> None:
    (stale,) = said(Reporters("", tuple(reporter(f"cmp{number}", None) for number in range(300))))
    assert stale.details.endswith("and 290 more")
    assert len(stale.details) < 1000


def test_nothing_in_the_table_is_not_a_pass() -> None:
    assert [each.result for each in said(Reporters(""))] == ["not-checked"]
    unread = Reporters("cell1", failure="no answer")
    assert [each.result for each in said(unread, least=LEAST)] == ["could-not-tell"]


def test_several_workers_of_one_host_are_no_fault_where_each_has_a_row() -> None:
    workers = Reporters("", (reporter(identifier="1"), reporter(identifier="2")))
    assert {each.result for each in said(workers)} == {"pass"}
    assert "services registered twice" in {each.name for each in said(workers, once=True)}
