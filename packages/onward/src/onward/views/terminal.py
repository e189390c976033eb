"""What a plan, a run and an error look like on a terminal, in a pipe and in a log file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, TextIO

from onward.engine.record import RunRecord
from onward.errors import OnwardError, by_code
from onward.plan.plan import Plan
from onward.plan.prediction import Prediction, critical_path
from onward.plan.step import Phase, Step
from onward.views.bars import print_bars
from onward.views.page import Page
from onward.views.summary import (
    PHASE_TITLES,
    PHASES,
    Finding,
    Verdict,
    findings_of,
    phase_note,
    prediction_of,
    title_of,
    took_of,
)
from onward.views.verdict import next_command, next_heading, places, verdict_of
from onward.views.words import counted, duration, moment

MOST_FINDINGS = 12
"""Findings that the terminal shows; the report has all of them."""

LEVEL_COLUMNS = 16

TONE_STYLES = {"good": "bold green", "attention": "bold yellow", "bad": "bold red", "neutral": "bold"}
LEVEL_WORDS = {
    "fail": ("FAIL", "bold red"),
    "could-not-tell": ("could not tell", "yellow"),
    "waived": ("waived", "yellow"),
    "warn": ("warning", "yellow"),
    "documented": ("documented", ""),
    "note": ("note", ""),
    "not-checked": ("not checked", ""),
    "pass": ("pass", "green"),
}


def print_error(error: OnwardError, stream: TextIO) -> None:
    """Say what happened, the evidence, the state things are in, what to type next, and where to read more."""
    _print_failure(Page(stream), error.as_data(), place="")


def print_plan(plan: Plan, stream: TextIO) -> None:
    """Show a plan: its phases, its steps with their reasons, what cannot be undone, and its digest."""
    page = Page(stream)
    page.paragraph((f"{plan.title}, cloud {plan.cloud}" if plan.forward else plan.title, "bold"))
    if plan.path:
        page.paragraph(page.sign(" \u2192 ", " -> ").join(plan.path), indent=2)
    widest = max((len(step.id) for step in plan.steps), default=0)
    names = min(widest, page.columns // 3)
    for phase in PHASES:
        steps = [step for step in plan.steps if step.phase == phase]
        if steps:
            page.blank()
            _print_phase_of_plan(page, phase, steps, names, phase_note(plan, phase))
    page.blank()
    irreversible = sum(not step.reversible for step in plan.steps)
    if irreversible:
        way = "there is no way back" if plan.kind == "removal" else "only the backup brings the old state back"
        page.paragraph((f"{counted(irreversible, 'step')} cannot be undone (marked !): {way}.", "bold red"))
    page.paragraph(_expected_of_plan(plan))
    if plan.digest:
        page.paragraph(f"Digest: {plan.digest}")


def print_record(record: RunRecord, stream: TextIO, reports: Iterable[Path] = ()) -> None:
    """Show a run: the verdict first, then its timeline, findings and failures, and last what to type next.

    ``reports`` are the files that were written about it.
    """
    page = Page(stream)
    _print_verdict(page, verdict_of(record))
    page.blank()
    page.paragraph(f"{title_of(record)}, cloud {record.plan.cloud}" if record.plan.forward else title_of(record))
    page.paragraph(f"Run {record.run_id}")
    page.paragraph(f"Begun {moment(record.created)}{took_of(record)}")
    for waived in record.waivers:
        page.paragraph(("Waived: ", "bold"), f"{waived.name}, by {waived.by} at {moment(waived.at)}: {waived.reason}")
    print_bars(page, record)
    prediction = prediction_of(record)
    if prediction is not None:
        page.blank()
        _print_prediction(page, prediction)
    elif record.plan.kind == "rehearsal" and record.status != "running":
        page.blank()
        page.paragraph("The outage in production cannot be predicted: not every migration has been measured.")
    _print_findings(page, findings_of(record), record)
    for failure in record.failures:
        page.blank()
        _print_failure(page, failure.error or {}, place=failure.step.id, command=False)
    page.blank()
    for words, place in places(record):
        page.paragraph(f"{words}:")
        page.unbroken(place)
    for number, path in enumerate(reports):
        if number == 0:
            page.paragraph("Report:")
        page.unbroken(str(path))
    command = next_command(record)
    if command:
        page.paragraph(f"{next_heading(record)}:")
        page.next_command(command)


def _print_phase_of_plan(page: Page, phase: Phase, steps: list[Step], names: int, note: str) -> None:
    known = {step.id: step.expected_seconds for step in steps if step.expected_seconds is not None}
    times = max((len(duration(seconds)) for seconds in known.values()), default=0)
    page.line(
        (PHASE_TITLES[phase], "bold"),
        page.clean(f": {counted(len(steps), 'step')} ({note})"),
    )
    reasons = page.columns - names - 6 - (times + 2 if times else 0)
    above = ""
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        reason_once = step.reason if step.reason != above else page.sign("\u2033", '"')
        above = step.reason
        branch = page.sign("\u2514\u2500", "`-") if last else page.sign("\u251c\u2500", "|-")
        trunk = " " if last else page.sign("\u2502", "|")
        mark = ("!", "bold red") if not step.reversible else " "
        for row, reason in enumerate(page.wrapped(reason_once, columns=reasons)):
            text = str(reason)
            if row == 0:
                seconds = duration(known.get(step.id)).rjust(times) if times else ""
                name = page.fitted(step.id, names)
                page.line((branch, "dim"), mark, (name, "cyan"), "  ", page.fitted(text, reasons), "  ", seconds)
            else:
                page.line((trunk, "dim"), " " * (names + 4), text)


def _expected_of_plan(plan: Plan) -> str:
    known = {step.id: step.expected_seconds for step in plan.steps if step.expected_seconds is not None}
    if not plan.steps:
        return "There is nothing to do."
    if not known:
        return "How long it takes is not known: no earlier run of this kind was measured."
    _, whole = critical_path(plan.steps, known)
    outage = [step for step in plan.steps if step.phase == "outage"]
    _, down = critical_path(outage, known)
    unknown = [step.id for step in outage if step.id not in known]
    without = f", without {', '.join(unknown[:4])}{' and others' if len(unknown) > 4 else ''}" if unknown else ""
    return f"Expected from earlier runs: at least {duration(whole)}, of that {duration(down)} of outage{without}."


def _print_verdict(page: Page, verdict: Verdict) -> None:
    page.paragraph((verdict.sentence, TONE_STYLES[verdict.tone]))
    for detail in verdict.details:
        page.paragraph(detail)


def _print_prediction(page: Page, prediction: Prediction) -> None:
    expected = f"Outage to expect in production: {duration(prediction.outage_seconds)}"
    page.paragraph((expected, "bold"), ", and what is not included below.")
    page.paragraph(f"Longest part: {prediction.dominates}.", indent=2)
    names = min(max(len(part.label) for part in prediction.parts), page.columns - 24)
    for part in prediction.parts:
        share = f"{round(part.share * 100)} %"
        page.line("  ", page.fitted(part.label, names), duration(part.seconds).rjust(14), share.rjust(7))
    for note in prediction.notes:
        page.entry("-", note, indent=2, columns=2)


def _print_findings(page: Page, findings: tuple[Finding, ...], record: RunRecord) -> None:
    shown = [finding for finding in findings if finding.level != "pass"]
    passed = sum(finding.level == "pass" for finding in findings)
    if not findings:
        return
    page.blank()
    page.paragraph(("Findings", "bold"), f": {counted(passed, 'check')} passed" if passed else "")
    for finding in shown[:MOST_FINDINGS]:
        word, style = LEVEL_WORDS[finding.level]
        where = finding.steps[0] if len(finding.steps) == 1 else counted(len(finding.steps), "step")
        said = ": ".join(part for part in (finding.name, finding.details) if part)
        page.entry((word, style), f"{said} ({where})", indent=2, columns=LEVEL_COLUMNS)
    if len(shown) > MOST_FINDINGS:
        page.paragraph(f"and {len(shown) - MOST_FINDINGS} more: onward runs report {record.run_id}", indent=2)


def _print_failure(page: Page, error: dict[str, Any], *, place: str, command: bool = True) -> None:
    """An error as data, in the order in which it is needed."""
    code = str(error.get("code", ""))
    where = f" at {place}" if place else ""
    page.paragraph((f"{code}{where}: ", "bold red"), str(error.get("what", "no reason was recorded")))
    for line in str(error.get("evidence") or "").splitlines():
        page.paragraph(line, indent=4)
    if error.get("state"):
        page.paragraph(str(error["state"]))
    if command and error.get("next_command"):
        page.paragraph("Next:")
        page.next_command(str(error["next_command"]))
    if code in by_code():
        page.paragraph(("hint: ", "bold"), f"onward explain {code}")
