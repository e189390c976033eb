"""What a restart of many units amounts to."""

from onward.engine.record import RunRecord, StepRecord
from onward.views.summary import Tone, Verdict
from onward.views.words import counted, one_line


def verdict_of_restart(record: RunRecord) -> Verdict:
    """One sentence that says how it ended, and what became of units that did not come back."""
    model, (tone, outcome, details) = record.plan.cloud, outcome_of_restarts(record)
    if record.status == "done":
        return Verdict(tone, outcome, details)
    if record.status == "failed" and record.failures:
        why = one_line(str((record.failures[0].error or {}).get("what", "no reason was recorded")))
        return Verdict("bad", why, (str((record.failures[0].error or {}).get("state", "")), *details))
    words = {
        "failed": "failed",
        "running": "is still at work",
        "waiting": "has not begun",
        "paused": "was paused between two batches",
        "interrupted": "was interrupted: its process ended without a word",
        "cancelled": "was cancelled; units that were not restarted run on as they were",
    }[record.status]
    quiet: Tone = "neutral" if record.status in ("running", "waiting") else "attention"
    return Verdict(quiet, f"The restart of {model} {words}.", details)


def outcome_of_restarts(record: RunRecord) -> tuple[Tone, str, tuple[str, ...]]:
    """How many units of a run are healthy again, as a sentence, and a line for each application and each exception."""
    restarts = [each for each in record.steps if each.step.action == "application.restart"]
    healthy = sum((each.evidence or {}).get("healthy", 0) for each in restarts)
    lost = sum(len((each.evidence or {}).get("failed", ())) for each in restarts)
    away = f", {counted(lost, 'unit')} stayed away" if lost else ""
    outcome = f"{counted(healthy, 'unit')} of {record.plan.cloud} restarted and healthy{away}."
    return "attention" if lost else "good", outcome, tuple(line for each in restarts for line in _of_step(each))


def _of_step(each: StepRecord) -> list[str]:
    told = each.evidence
    if told is None:
        return []
    opened = told.get("opened")
    connections = (
        f", {counted(opened, 'connection')} opened at the broker, one of them by Onward" if opened is not None else ""
    )
    batches, slowest = counted(told["batches"], "batch", "batches"), told["slowest_seconds"]
    lines = [f"{each.step.target}: {batches}, the slowest unit healthy after {slowest:g} s{connections}."]
    lines += [f"{unit} stayed away: {why}." for unit, why in told["failed"].items()]
    if told["skipped"]:
        lines.append(f"Left out: {', '.join(told['skipped'])}.")
    return lines
