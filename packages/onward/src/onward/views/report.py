"""The report of a run: one HTML file that needs nothing else, for a ticket, a mail or a printer."""

import json
import re
from typing import Any

from onward.engine.record import RunRecord, StepRecord
from onward.errors import by_code
from onward.views.html import standalone
from onward.views.picture import waterfall, whole_run
from onward.views.summary import (
    PHASE_TITLES,
    PHASES,
    by_action,
    environments_of,
    findings_of,
    outage_of,
    phase_note_of,
    prediction_of,
    proof_of,
    title_of,
    took_of,
)
from onward.views.timeline import timeline_of
from onward.views.verdict import next_command, next_heading, places, verdict_of

MOST_EVIDENCE = 20_000
"""Characters of one step's evidence that the page shows; the JSON has all of it."""

LEVEL_WORDS = {
    "fail": "fail",
    "could-not-tell": "could not tell",
    "waived": "waived",
    "warn": "warning",
    "documented": "documented change",
    "note": "note",
    "not-checked": "not checked",
    "pass": "pass",
}


def render(record: RunRecord) -> str:
    """The report as HTML. Everything that came from outside is escaped, and no script can run in it."""
    return standalone("report.html", ("report.css",), {"evidence": evidence_text}, _context(record))


def _context(record: RunRecord) -> dict[str, Any]:
    timeline = timeline_of(record)
    outage_bars = timeline.phase("outage")
    return {
        "title": title_of(record),
        "took": unbroken(took_of(record)),
        "record": record,
        "plan": record.plan,
        "verdict": verdict_of(record),
        "next_command": next_command(record),
        "next_heading": next_heading(record),
        "places": places(record),
        "prediction": prediction_of(record),
        "outage": outage_of(record),
        "findings": findings_of(record),
        "checked": any(
            each.status == "done" for action in ("service.check", "cloud.check") for each in by_action(record, action)
        ),
        "level_words": LEVEL_WORDS,
        "proof": proof_of(record),
        "environments": environments_of(record),
        "failures": [(each, by_code().get(str((each.error or {}).get("code")))) for each in record.failures],
        "phases": [(PHASE_TITLES[phase], phase_note_of(record, phase), _of_phase(record, phase)) for phase in PHASES],
        "timeline": timeline,
        "picture": whole_run(timeline) if timeline.seconds else None,
        "outage_bars": waterfall(outage_bars) if outage_bars is not None else [],
        "outage_waiting": [each.step.id for each in outage_bars.waiting] if outage_bars is not None else [],
    }


def evidence_text(evidence: Any) -> str:
    """Evidence as indented JSON, cut where it is very long."""
    text = json.dumps(evidence, indent=2, ensure_ascii=False)
    if len(text) <= MOST_EVIDENCE:
        return text
    return f"{text[:MOST_EVIDENCE]}\n... {len(text) - MOST_EVIDENCE:,} more characters are in report.json"


def unbroken(text: str) -> str:
    """The text with its numbers and their units kept on one line."""
    with_units = re.sub(r"(\d) (d|h|min|s)\b", "\\1\u00a0\\2", text)
    return re.sub(r"\b(d|h|min) (\d)", "\\1\u00a0\\2", with_units)


def _of_phase(record: RunRecord, phase: str) -> list[StepRecord]:
    return [each for each in record.steps if each.step.phase == phase]
