"""What a deployment, or the removal of a model, amounts to."""

from onward.engine.record import RunRecord
from onward.views.summary import Tone, Verdict, finished_steps
from onward.views.words import counted, one_line


def verdict_of_deployment(record: RunRecord) -> Verdict:
    """One sentence that says how it ended."""
    plan, status = record.plan, record.status
    removal = plan.kind == "removal"
    if status == "done":
        if removal:
            return Verdict("good", f"Nothing of {plan.cloud} is left.")
        started = len(_units(record, "unit.start"))
        configured = len(_units(record, "unit.configure"))
        return Verdict(
            "good",
            f"{plan.cloud} is as its bundle says.",
            (f"{counted(configured, 'unit')} configured, {counted(started, 'unit')} started.",),
        )
    what = f"The {plan.kind} of {plan.cloud}"
    if status == "failed" and record.failures:
        failure = record.failures[0]
        why = one_line(str((failure.error or {}).get("what", "no reason was recorded")))
        return Verdict("bad", f"{what} failed at {failure.step.id}: {why}", (_left(record),))
    words = {
        "failed": "failed",
        "running": "is still at work",
        "waiting": "has not begun",
        "paused": "was paused",
        "interrupted": "was interrupted: its process ended without a word",
        "cancelled": "was cancelled",
    }[status]
    tones: dict[str, Tone] = {"failed": "bad", "running": "neutral", "waiting": "neutral"}
    return Verdict(tones.get(status, "attention"), f"{what} {words}; {finished_steps(record)}.", (_left(record),))


def next_after_deployment(record: RunRecord) -> str:
    """What to type when it is over."""
    if record.plan.kind == "removal":
        return ""
    return f"onward status {record.plan.cloud}"


def _left(record: RunRecord) -> str:
    if record.plan.kind == "removal":
        return "Units that were removed are gone with their data; the others run on."
    return "What was started runs on; what is left is done by resuming the run."


def _units(record: RunRecord, action: str) -> list[str]:
    return [each.step.target for each in record.steps if each.step.action == action and each.status == "done"]
