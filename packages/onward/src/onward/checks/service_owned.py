"""What the checks that services bring along have said. Pure."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from onward.catalog.service import Check, FalseAlarm, KnownFault
from onward.checks.finding import Finding, Result

NONE_OF_ITS_OWN = "none of its own"
READ_FROM_TEXT = "read from text"
NOT_YET = "cannot be told yet"

# oslo_upgradecheck/upgradecheck.py, Code and UPGRADE_CHECK_MSG_MAP.
_RESULTS: dict[int, Result] = {0: "pass", 1: "warn", 2: "fail"}
_WORDS: dict[str, Result] = {"Success": "pass", "Warning": "warn", "Failure": "fail"}
_BROKEN = 255
"""The exit status of a check that did not come to its end (oslo_upgradecheck/upgradecheck.py, run)."""
_TABLE_TITLE = "Upgrade Check Results"
# Names of checks that look at nothing: projects that have none were given one for a beginning (magnum/cmd/status.py).
_STAND_INS = ("sample check", "placeholder")
_DOCTOR = "WARNING: "
_TRACEBACK = "Traceback (most recent call last):"
# MySQL's errors 1054 and 1146; SQLite's; PostgreSQL's; and what SQLAlchemy says of a table that it is to reflect.
_LACKING = re.compile(
    r"Unknown column '[^']+'|Table '[^']+' doesn't exist"
    r"|no such (?:table|column): [\w.]+"
    r'|(?:relation|column) "?[\w.]+"? does not exist'
    r"|NoSuchTableError: \w+"
)
_LINE_OF_TABLE = re.compile(r"^\|(.*)\|\s*$")
_BETWEEN_ROWS = re.compile(r"^\+[-+=]+\+\s*$")


def findings_of(
    check: Check,
    exit_status: int,
    output: str,
    about: str = "",
    *,
    faults: Iterable[KnownFault] = (),
    older_schema: str = "",
) -> list[Finding]:
    """What a check's output says, about ``SERVICE SERIES``. A check that ended otherwise than it should could not tell.

    Output that is only text is read as well, and marked so. A release that looks at nothing has ``none of its own``.
    Where the output shows that a check calls good what it could not look at (``doubts``), its successes are none.
    Where it ended because of one of the release's own ``faults``, there was nothing to look with. ``older_schema`` is
    the series that the database is at, where that is before the check's own: one that ended because it misses a table
    or a column cannot tell *yet*.
    """
    upgrade_check = check.prints != "symptoms"
    found = _upgrade_check(output) if upgrade_check else list(_doctor(check, output))
    expected = exit_status in (0, *check.meanings) and exit_status != _BROKEN
    if found is None or not expected:
        found = [*(found or []), _not_told(check, exit_status, output, faults, older_schema)]
    elif not found and upgrade_check:
        found = [none_of_its_own(check.name)]
    elif not found and exit_status == 0:
        found = [Finding(check.name, "pass")]
    elif not found:
        found = [_unclear(check, exit_status, output)]
    if check.doubts and (doubt := re.search(check.doubts, output)):
        found = [_doubted(finding, doubt[0]) for finding in found]
    return [replace(finding, about=about) for finding in found]


def told_all_the_same(finding: Finding, name: str | None, option: str) -> Finding:
    """A failed check of that name is a warning where the service is told to start all the same, by this option."""
    if finding.name != name or finding.result != "fail":
        return finding
    return replace(finding, result="warn", details=f"{finding.details}; {option} has it start all the same")


def alarmed_for_nothing(finding: Finding, alarms: Iterable[FalseAlarm], rows: Callable[[str], int | None]) -> Finding:
    """A failed check is a warning where no row is as it says. ``rows`` carries out a query; None: it could not."""
    for alarm in alarms:
        if finding.name == alarm.finding and finding.result == "fail" and rows(alarm.count) == 0:
            details = f"it says: {finding.details.rstrip('.')}. Nothing is to be mended: {alarm.reason}"
            return replace(finding, result="warn", details=details)
    return finding


def none_of_its_own(name: str, about: str = "", not_run: str = "") -> Finding:
    """What is said of a release that has no checks: that nothing was looked at, and not that it is in order.

    ``not_run`` says why checks that it has are not run.
    """
    return Finding(name, "not-checked", not_run or NONE_OF_ITS_OWN, about=about)


def _doubted(finding: Finding, said: str) -> Finding:
    if finding.result not in ("pass", "not-checked"):
        return finding
    details = f"it calls this good, and could not look at all of it: {said}"
    return replace(finding, result="could-not-tell", details=details)


def _not_told(check: Check, exit_status: int, output: str, faults: Iterable[KnownFault], older_schema: str) -> Finding:
    """Why a check did not come to its end: by a fault of its own, too early, or nobody knows."""
    before, raised, crash = output.rpartition(_TRACEBACK)
    if not raised or exit_status <= 0:
        return _unclear(check, exit_status, output)
    for fault in faults:
        if re.search(fault.pattern, crash):
            return Finding(check.name, "not-checked", f"it cannot be run: {fault.explanation}", fault.way_out)
    if older_schema and (lacking := _lacking(before, crash)):
        details = (
            f"{NOT_YET}: it looks for what the schema of {older_schema} has not ({lacking})."
            " A rehearsal runs it when its copy has that"
        )
        return Finding(check.name, "warn", details)
    return _unclear(check, exit_status, output)


def _lacking(before: str, crash: str) -> str:
    """The table or column that a check missed when it crashed; empty where that was not why.

    Nova asks its cells side by side, logs what one of them answers with, and stumbles over it as if it were a result:
    ``TypeError: 'OperationalError' object is not iterable`` (nova/context.py, scatter_gather_cells).
    """
    if found := _LACKING.search(crash):
        return found[0]
    for line in before.splitlines():
        kind = re.search(r"(\w+): ", line)
        if kind and f"'{kind[1]}' object" in crash and (found := _LACKING.search(line)):
            return found[0]
    return ""


def _unclear(check: Check, exit_status: int, output: str) -> Finding:
    last = "\n".join(output.strip().splitlines()[-5:])
    ended = f"was killed by signal {-exit_status}" if exit_status < 0 else f"ended with exit status {exit_status}"
    return Finding(check.name, "could-not-tell", f"it {ended}: {last}" if last else f"it {ended} and said nothing")


def _upgrade_check(output: str) -> list[Finding] | None:
    """The findings of oslo.upgradecheck: one line of JSON among whatever else is printed, or a table. None: neither."""
    for line in output.splitlines():
        if line.startswith("{"):
            try:
                checks: list[dict[str, Any]] = json.loads(line)["checks"]
                return [_of_data(check) for check in checks]
            except (ValueError, KeyError, TypeError):
                continue
    return _of_table(output)


def _of_data(check: dict[str, Any]) -> Finding:
    result = _RESULTS.get(int(check["result"]), "could-not-tell")
    return _looked_at(Finding(str(check["check"]), result, str(check["details"] or "")))


def _of_table(output: str) -> list[Finding] | None:
    """The findings in the table that is printed for people; None where there is no such table.

    A cell has the lines ``Check:``, ``Result:`` and ``Details:``; details are wrapped.
    """
    cells: list[list[str]] = []
    title_seen = False
    for line in output.splitlines():
        if _BETWEEN_ROWS.match(line):
            cells.append([])
        elif cells and (row := _LINE_OF_TABLE.match(line)):
            title_seen = title_seen or row[1].strip() == _TABLE_TITLE
            cells[-1].append(row[1].strip())
    if not title_seen:
        return None
    return [_of_cell(cell) for cell in cells if cell and cell[0].startswith("Check:")]


def _of_cell(lines: list[str]) -> Finding:
    said: dict[str, list[str]] = {}
    key = ""
    for line in lines:
        begin, colon, rest = line.partition(":")
        if colon and begin in ("Check", "Result", "Details") and begin not in said:
            key, line = begin, rest.strip()  # noqa: PLW2901 - what is left of it
        said.setdefault(key, []).append(line)
    words = {key: " ".join(lines) for key, lines in said.items()}
    details = words.get("Details", "")
    return _looked_at(
        Finding(
            words.get("Check", ""),
            _WORDS.get(words.get("Result", ""), "could-not-tell"),
            "" if details == "None" else details,
            how=READ_FROM_TEXT,
        )
    )


def _looked_at(finding: Finding) -> Finding:
    """The finding, unless its check is a stand-in for one that nobody wrote."""
    if finding.result == "pass" and finding.name.strip().lower() in _STAND_INS:
        return none_of_its_own(finding.name)
    return finding


def _doctor(check: Check, output: str) -> Iterator[Finding]:
    """The symptoms that keystone-manage doctor prints: a line each, and below it what to do, indented."""
    title, advice = "", list[str]()
    for line in [*output.splitlines(), _DOCTOR]:
        if line.startswith(_DOCTOR):
            if title:
                yield Finding(check.name, "warn", title, " ".join(advice).strip(), how=READ_FROM_TEXT)
            title, advice = line.removeprefix(_DOCTOR).strip(), []
        elif title and line.startswith("    "):
            advice.append(line.strip())
