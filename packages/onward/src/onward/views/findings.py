"""What the findings of checks look like on a terminal and in a pipe: the worst first, nothing said twice."""

from collections.abc import Iterable, Sequence
from typing import TextIO

from onward.checks.finding import QUIET, Finding, Result
from onward.checks.grouping import Group, grouped
from onward.views.page import Page
from onward.views.words import counted

COLUMNS = 16
WORDS: dict[Result, tuple[str, str]] = {
    "fail": ("FAIL", "bold red"),
    "could-not-tell": ("could not tell", "yellow"),
    "warn": ("warning", "yellow"),
    "not-checked": ("not checked", ""),
    "pass": ("pass", "green"),
}
WAIVED = ("waived", "magenta")
FIELDS = ("Check", "About", "Result", "Details", "Way out", "How", "Found by", "Waived")
"""What is told of a finding, as columns and as the keys of its data."""


def fields_of(finding: Finding) -> tuple[str, ...]:
    """What FIELDS names."""
    return (
        finding.name,
        finding.about,
        finding.result,
        finding.details,
        finding.way_out,
        finding.how,
        finding.check,
        finding.waived,
    )


def as_data(finding: Finding) -> dict[str, str]:
    """A finding as ``-f json`` shows it."""
    return dict(zip(FIELDS, fields_of(finding), strict=True))


def print_findings(findings: Sequence[Finding], stream: TextIO) -> None:
    """Show all findings; each that is not in order with its evidence and the way out."""
    page = Page(stream)
    groups = grouped(findings)
    for group in groups:
        if group.finding.result in QUIET:
            continue
        _print_whole(page, group)
    quiet = [group for group in groups if group.finding.result in QUIET]
    if len(quiet) != len(groups) and quiet:
        page.blank()
    for group in quiet:
        details = f": {group.finding.details}" if group.finding.details else ""
        page.entry(WORDS[group.finding.result], group.title, details, indent=0, columns=COLUMNS)


def _print_whole(page: Page, group: Group) -> None:
    finding = group.finding
    page.entry(WAIVED if finding.waived else WORDS[finding.result], (group.title, "bold"), indent=0, columns=COLUMNS)
    details = f"{finding.details} ({finding.how})" if finding.how else finding.details
    for line in details.splitlines():
        page.entry("", line, indent=0, columns=COLUMNS)
    if finding.check.endswith(")"):
        page.entry("", f"Found by {finding.check}", indent=0, columns=COLUMNS)
    if finding.waived:
        word, _ = WORDS[finding.result]
        page.entry("", f"It stops nothing ({word.lower()}), because: {finding.waived}", indent=0, columns=COLUMNS)
    elif finding.way_out:
        page.entry("", ("Way out: ", ""), (finding.way_out, "bold"), indent=0, columns=COLUMNS)


def tally(findings: Iterable[Finding]) -> str:
    """How many of each kind, as the table shows them: ``1 failed, 2 could not tell, 3 warnings, 40 passed``."""
    groups = [group.finding for group in grouped(findings)]
    numbers: list[tuple[int, str]] = [
        (sum(each.stops and each.result == "fail" for each in groups), "{} failed"),
        (sum(each.stops and each.result == "could-not-tell" for each in groups), "{} could not tell"),
        (sum(each.result == "warn" for each in groups), "warning"),
        (sum(bool(each.waived) for each in groups), "{} waived"),
        (sum(each.result == "not-checked" for each in groups), "{} not checked"),
        (sum(each.result == "pass" for each in groups), "{} passed"),
    ]
    return ", ".join(
        words.format(number) if "{}" in words else counted(number, words) for number, words in numbers if number
    )
