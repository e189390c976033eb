"""The report of a run: one HTML file that needs nothing else, for a ticket, a mail or a printer."""

import base64
import hashlib
import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from onward.engine.record import RunRecord, StepRecord
from onward.errors import by_code
from onward.views.picture import waterfall, whole_run
from onward.views.summary import (
    PHASE_TITLES,
    PHASES,
    by_action,
    environments_of,
    findings_of,
    outage_of,
    phase_note,
    prediction_of,
    proof_of,
    title_of,
    took_of,
)
from onward.views.timeline import timeline_of
from onward.views.verdict import next_command, verdict_of
from onward.views.words import counted, duration, harmless, moment

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
    environment = Environment(
        loader=PackageLoader("onward.views"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalized,
    )
    environment.filters.update(duration=duration, moment=moment, counted=counted, evidence=evidence_text)
    style = environment.get_template("report.css").render()
    return environment.get_template("report.html").render(
        style=Markup("{}").format(Markup(style)),  # noqa: S704 - our own file
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        **_context(record),
    )


def _context(record: RunRecord) -> dict[str, Any]:
    timeline = timeline_of(record)
    outage_bars = timeline.phase("outage")
    return {
        "title": title_of(record),
        "took": took_of(record),
        "record": record,
        "plan": record.plan,
        "verdict": verdict_of(record),
        "next_command": next_command(record),
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
        "phases": [(PHASE_TITLES[phase], phase_note(record.plan, phase), _of_phase(record, phase)) for phase in PHASES],
        "timeline": timeline,
        "picture": whole_run(timeline) if timeline.seconds else None,
        "outage_picture": waterfall(outage_bars) if outage_bars is not None and outage_bars.bars else None,
    }


def evidence_text(evidence: Any) -> str:
    """Evidence as indented JSON, cut where it is very long."""
    text = json.dumps(evidence, indent=2, ensure_ascii=False)
    if len(text) <= MOST_EVIDENCE:
        return text
    return f"{text[:MOST_EVIDENCE]}\n... {len(text) - MOST_EVIDENCE:,} more characters are in report.json"


def _of_phase(record: RunRecord, phase: str) -> list[StepRecord]:
    return [each for each in record.steps if each.step.phase == phase]


def _finalized(value: Any) -> Any:
    """Text from outside, without control characters; Jinja escapes it afterwards."""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value
