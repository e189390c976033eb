"""What services print about themselves, read without making a pass of anything that is none."""

import json

import pytest

from onward.catalog.load import in_force, recipe
from onward.catalog.service import Check
from onward.checks.finding import Finding
from onward.checks.service_owned import alarmed_for_nothing, findings_of, told_all_the_same

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


def crash(exception: str) -> str:
    """What a check prints that ends with an exception."""
    return f"""\
2026-11-25 10:00:00.000 1 INFO migration [-] no such table: of_the_log
Error:
Traceback (most recent call last):
  File "oslo_upgradecheck/upgradecheck.py", line 161, in run
    return conf.command.action_fn()
{exception}
[SQL: SELECT instances.compute_id AS instances_compute_id FROM instances]
(Background on this error at: https://sqlalche.me/e/20/e3q8)
"""


GATHERED = """\
oslo_db.exception.OperationalError: (1054, "Unknown column 'instances.compute_id' in 'SELECT'")
[SQL: SELECT instances.compute_id AS instances_compute_id FROM instances]
Error:
Traceback (most recent call last):
  File "nova/virt/libvirt/machine_type_utils.py", line 226, in get_instances_without_type
    return list(itertools.chain(*[r for c, r in results.items()]))
"""
"""What Nova logs of a cell, and goes on."""


@pytest.mark.parametrize(
    ("exception", "lacks"),
    [
        (
            (
                "sqlalchemy.exc.OperationalError: (pymysql.err.OperationalError)"
                " (1054, \"Unknown column 'instances.compute_id' in 'SELECT'\")"
            ),
            "Unknown column 'instances.compute_id'",
        ),
        (
            (
                "oslo_db.exception.DBNonExistentTable: (pymysql.err.ProgrammingError)"
                " (1146, \"Table 'nova.shares' doesn't exist\")"
            ),
            "Table 'nova.shares' doesn't exist",
        ),
        ("sqlite3.OperationalError: no such column: instances.compute_id", "no such column: instances.compute_id"),
        ('psycopg2.errors.UndefinedTable: relation "shares" does not exist', 'relation "shares" does not exist'),
        ("sqlalchemy.exc.NoSuchTableError: shares", "NoSuchTableError: shares"),
        (GATHERED + "TypeError: 'OperationalError' object is not iterable", "Unknown column 'instances.compute_id'"),
    ],
)
def test_a_check_that_misses_what_a_later_schema_has_cannot_tell_yet(exception: str, lacks: str) -> None:
    (check,) = in_force(recipe("nova").checks, "2024.1")
    (found,) = findings_of(check, 255, crash(exception), "nova 2024.1", older_schema="2023.1")
    assert (found.name, found.result, found.stops) == ("upgrade-check", "warn", False)
    assert f"cannot be told yet: it looks for what the schema of 2023.1 has not ({lacks})" in found.details
    # In the schema of its own release it should have found it.
    (found,) = findings_of(check, 255, crash(exception), "nova 2024.1")
    assert (found.result, found.stops) == ("could-not-tell", True)


@pytest.mark.parametrize(
    ("exit_status", "output"),
    [
        (255, crash("FileNotFoundError: /etc/keystone/fernet-keys")),
        (255, crash("sqlalchemy.exc.OperationalError: (2003, \"Can't connect to MySQL server on 'db'\")")),
        (255, "no such table: of_the_log\n"),
        (255, crash(GATHERED + "FileNotFoundError: /etc/keystone/fernet-keys")),
        (-9, crash("sqlalchemy.exc.NoSuchTableError: shares")),
        (0, ""),
    ],
    ids=["keys", "no database", "no exception", "another exception", "killed", "silence"],
)
def test_what_no_schema_explains_could_not_be_told_whatever_the_schema(exit_status: int, output: str) -> None:
    (found,) = findings_of(UPGRADE_CHECK, exit_status, output, "keystone 2026.1", older_schema="2023.1")
    assert (found.result, found.stops) == ("could-not-tell", True)


def test_what_a_check_says_has_failed_fails_whatever_the_schema() -> None:
    output = said([{"check": "Cells v2", "result": 2, "details": "no such table: cells"}])
    (found,) = findings_of(UPGRADE_CHECK, 2, output, "nova 2026.1", older_schema="2023.1")
    assert found.result == "fail"


NEUTRON_2024_2 = crash(
    "sqlalchemy.exc.ArgumentError: Textual SQL expression 'SHOW TABLES;' should be explicitly declared as"
    " text('SHOW TABLES;')"
)


@pytest.mark.parametrize(("series", "result"), [("2024.2", "not-checked"), ("2025.1", "could-not-tell")])
def test_a_fault_of_the_release_itself_is_no_answer_about_the_cloud(series: str, result: str) -> None:
    (check,) = in_force(recipe("neutron").checks, series)
    faults = in_force(check.known_faults, series)
    (found,) = findings_of(check, 255, NEUTRON_2024_2, f"neutron {series}", faults=faults)
    assert (found.name, found.result) == ("upgrade-check", result)
    assert ("Networking-ovn database revision" in found.details) == (result == "not-checked")


@pytest.mark.parametrize(
    ("name", "rows", "result"),
    [
        ("Service UUIDs", 0, "warn"),
        ("Service UUIDs", 3, "fail"),
        ("Service UUIDs", None, "fail"),
        ("Removed Drivers", 0, "fail"),
    ],
)
def test_a_failure_about_rows_that_are_in_order_is_a_warning(name: str, rows: int | None, result: str) -> None:
    (check,) = in_force(recipe("cinder").checks, "2024.1")
    failed = Finding(name, "fail", "Volumes must have a service UUID.", about="cinder 2024.1")
    found = alarmed_for_nothing(failed, check.false_alarms, lambda _: rows)
    assert found.result == result
    assert found == failed or ("must have a service UUID" in found.details and "never made" in found.details)
