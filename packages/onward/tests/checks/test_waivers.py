"""Waivers are explicit, named, needed, and nothing else."""

import pytest

from onward.checks.finding import RESULTS, Finding
from onward.checks.waiver import parse_waivers, require_all_used, waived
from onward.errors import WaiverMatchesNothing, WaiverUnclear

FINDINGS = [
    Finding("disk", "fail", about="db1"),
    Finding("disk", "fail", about="db2"),
    Finding("broker", "could-not-tell"),
    Finding("age", "warn"),
    Finding("roles", "pass"),
    Finding("nothing", "not-checked"),
]


def stopping(waivers: dict[str, str]) -> list[tuple[str, str]]:
    return [(each.name, each.about) for each in waived(FINDINGS, waivers) if each.stops]


def test_what_failed_and_what_could_not_be_told_stop_until_each_is_waived() -> None:
    assert stopping({}) == [("disk", "db1"), ("disk", "db2"), ("broker", "")]
    assert stopping({"disk": "new disks on Monday"}) == [("broker", "")]
    assert stopping({"disk": "new disks on Monday", "broker": "no monitoring user"}) == []


def test_one_node_alone_can_be_waived() -> None:
    assert stopping({"disk@db2": "it is drained"}) == [("disk", "db1"), ("broker", "")]


def test_the_reason_is_kept_at_the_finding_and_its_result_stays() -> None:
    (finding,) = [each for each in waived(FINDINGS, {"broker": "no monitoring user"}) if each.waived]
    assert (finding.result, finding.waived) == ("could-not-tell", "no monitoring user")


@pytest.mark.parametrize("name", ["age", "roles", "nothing", "elsewhere", "disk@db3", "DISK"])
def test_a_waiver_that_waives_nothing_is_refused(name: str) -> None:
    with pytest.raises(WaiverMatchesNothing) as refused:
        require_all_used(waived(FINDINGS, {name: "because", "disk": "because"}), {name: "because", "disk": "because"})
    assert name in refused.value.what
    assert "disk" not in refused.value.what.replace("disk@db3", "")


def test_waivers_that_are_all_needed_are_accepted() -> None:
    waivers = {"disk@db1": "a", "disk": "b", "broker": "c"}
    require_all_used(waived(FINDINGS, waivers), waivers)


@pytest.mark.parametrize("text", ["", "disk", "disk=", "=because", "disk=  "])
def test_a_waiver_without_a_name_or_a_reason_is_refused(text: str) -> None:
    with pytest.raises(WaiverUnclear):
        parse_waivers([text])


def test_a_name_that_is_waived_twice_is_refused() -> None:
    with pytest.raises(WaiverUnclear, match="twice"):
        parse_waivers(["disk=a", "disk=b"])


def test_a_reason_may_hold_an_equals_sign() -> None:
    assert parse_waivers(["disk = size=10 is enough"]) == {"disk": "size=10 is enough"}


def test_only_a_pass_is_called_a_pass() -> None:
    assert [result for result in RESULTS if not Finding("x", result).stops] == ["warn", "not-checked", "pass"]
