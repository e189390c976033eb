"""What services print about themselves, read without making a pass of anything that is none."""

import json

import pytest

from onward.catalog.load import in_force, recipe
from onward.catalog.service import Check
from onward.checks.service_owned import findings_of, told_all_the_same

UPGRADE_CHECK = next(check for check in recipe("keystone").checks if check.since == "train")
DOCTOR = next(check for check in recipe("keystone").checks if check.name == "doctor")

TABLE = """\
2026-11-25 10:00:00.000 1 WARNING oslo_policy [-] a line of the log
+------------------------------------------------------------------+
| Upgrade Check Results                                            |
+------------------------------------------------------------------+
| Check: Cells v2                                                  |
| Result: Success                                                  |
| Details: None                                                    |
+------------------------------------------------------------------+
| Check: Placement API                                             |
| Result: Failure                                                  |
| Details: There is no placement-api endpoint in the service       |
|   catalog: install it first.                                     |
+------------------------------------------------------------------+
| Check: Older than N-1 computes                                   |
| Result: Warning                                                  |
| Details: Result: some of them                                    |
+------------------------------------------------------------------+
"""


def said(checks: list[dict[str, object]]) -> str:
    """What oslo.upgradecheck prints with --json, after a line of the log."""
    return "some {warning}\n" + json.dumps({"name": "Upgrade Check Results", "checks": checks}) + "\n"


def results(check: Check, exit_status: int, output: str) -> list[tuple[str, str]]:
    return [(finding.name, finding.result) for finding in findings_of(check, exit_status, output, "keystone 2024.1")]


def test_findings_come_from_json_and_name_their_series() -> None:
    output = said(
        [
            {"check": "Roles", "result": 0, "details": None},
            {"check": "Policies", "result": 1, "details": "old"},
            {"check": "Trusts", "result": 2, "details": "broken"},
        ]
    )
    found = findings_of(UPGRADE_CHECK, 2, output, "keystone 2024.1")
    assert [(each.name, each.result, each.details) for each in found] == [
        ("Roles", "pass", ""),
        ("Policies", "warn", "old"),
        ("Trusts", "fail", "broken"),
    ]
    assert {each.about for each in found} == {"keystone 2024.1"}
    assert {each.how for each in found} == {""}


def test_text_is_read_and_marked_so() -> None:
    found = findings_of(UPGRADE_CHECK, 2, TABLE, "nova stein")
    assert [(each.name, each.result, each.details) for each in found] == [
        ("Cells v2", "pass", ""),
        (
            "Placement API",
            "fail",
            "There is no placement-api endpoint in the service catalog: install it first.",
        ),
        ("Older than N-1 computes", "warn", "Result: some of them"),
    ]
    assert {each.how for each in found} == {"read from text"}


@pytest.mark.parametrize(
    "output",
    [
        said([]),
        TABLE[: TABLE.index("| Check: Cells")],
        said([{"check": "Sample Check", "result": 0, "details": "Sample detail"}]),
    ],
    ids=["no checks in JSON", "an empty table", "a stand-in for a check"],
)
def test_a_release_that_looks_at_nothing_has_none_of_its_own(output: str) -> None:
    (found,) = findings_of(UPGRADE_CHECK, 0, output, "keystone stein")
    assert (found.result, found.details) == ("not-checked", "none of its own")


@pytest.mark.parametrize(
    ("exit_status", "output"),
    [
        (0, ""),
        (0, "Everything is fine."),
        (0, '{"name": "Upgrade Check Results"}'),
        (1, "Traceback (most recent call last):\nKeyError: 'fernet'"),
        (255, "Error:\nTraceback (most recent call last):"),
        (-9, ""),
    ],
)
def test_an_upgrade_check_that_says_nothing_readable_could_not_tell(exit_status: int, output: str) -> None:
    assert results(UPGRADE_CHECK, exit_status, output) == [("upgrade-check", "could-not-tell")]


def test_findings_before_a_crash_are_kept_beside_it() -> None:
    output = said([{"check": "Roles", "result": 0, "details": None}]) + "Traceback: ..."
    assert results(UPGRADE_CHECK, 255, output) == [("Roles", "pass"), ("upgrade-check", "could-not-tell")]


def test_a_result_of_no_known_number_could_not_tell() -> None:
    assert results(UPGRADE_CHECK, 0, said([{"check": "Roles", "result": 7, "details": None}])) == [
        ("Roles", "could-not-tell")
    ]


def test_symptoms_of_the_doctor_are_warnings_with_its_advice() -> None:
    output = "WARNING: `[cache] enabled` is not enabled.\n    Enable it\n    for speed.\n\nWARNING: Tokens are old.\n"
    first, second = findings_of(DOCTOR, 1, output, "keystone 2024.1")
    assert (first.result, first.details, first.way_out) == (
        "warn",
        "`[cache] enabled` is not enabled.",
        "Enable it for speed.",
    )
    assert second.details == "Tokens are old."
    assert results(DOCTOR, 0, "") == [("doctor", "pass")]
    assert results(DOCTOR, 1, "") == [("doctor", "could-not-tell")]


@pytest.mark.parametrize(
    ("service", "output", "doubted"),
    [
        ("nova", "Cell 5d9f did not respond when getting minimum service version\n", True),
        ("nova", "", False),
        ("neutron", '{"name": "Upgrade Check Results", "checks": []}\n', True),
    ],
)
def test_a_success_that_was_not_looked_at_is_none(service: str, output: str, doubted: bool) -> None:
    (check,) = in_force(recipe(service).checks, "2026.1")
    printed = output + (
        said([{"check": "Older than N-1 computes", "result": 0, "details": None}]) if service == "nova" else ""
    )
    (found,) = findings_of(check, 0, printed, f"{service} 2026.1")
    assert found.result == ("could-not-tell" if doubted else "pass")
    assert not doubted or any(words in found.details for words in ("Cell 5d9f did not respond", '"checks": []'))


def test_what_a_check_doubts_does_not_make_its_failures_less() -> None:
    (check,) = in_force(recipe("nova").checks, "2026.1")
    broken = said([{"check": "Cells v2", "result": 2, "details": "no cells"}])
    assert [
        each.result for each in findings_of(check, 2, "Cell 5d9f did not respond when getting minimum\n" + broken)
    ] == ["fail"]


def test_what_fails_because_of_old_computes_is_a_warning_where_nova_is_told_to_start_all_the_same() -> None:
    name = recipe("nova").heartbeats.oldest_check  # type: ignore[union-attr]
    option = "[workarounds] disable_compute_service_check_for_ffu = true"
    nova = next(iter(recipe("nova").checks))
    (_, placement, old) = findings_of(nova, 2, TABLE.replace("Warning", "Failure"), "nova 2026.2")
    assert (old.name, old.result) == (name, "fail")
    eased = told_all_the_same(old, name, option)
    assert (eased.result, eased.details) == ("warn", f"Result: some of them; {option} has it start all the same")
    assert told_all_the_same(placement, name, option) == placement
