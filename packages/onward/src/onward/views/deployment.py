"""What a deployment, or the removal of a model, amounts to."""

from onward.engine.record import RunRecord
from onward.views.summary import Tone, Verdict, finished_steps
from onward.views.words import counted, duration, one_line


def verdict_of_deployment(record: RunRecord) -> Verdict:
    """One sentence that says how it ended."""
    plan, status = record.plan, record.status
    removal = plan.kind == "removal"
    if status == "done":
        if removal:
            return Verdict("good", f"Nothing of {plan.cloud} is left.")
        if plan.kind == "trial":
            return _verdict_of_trial(record)
        if plan.kind == "role":
            return _verdict_of_role(record)
        started = len(_units(record, "unit.start"))
        configured = len(_units(record, "unit.configure"))
        return Verdict(
            "good",
            f"{plan.cloud} is as its bundle says.",
            (f"{counted(configured, 'unit')} configured, {counted(started, 'unit')} started.", *_gone(record)),
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


def _gone(record: RunRecord) -> list[str]:
    """For how long each API was gone while services went to another release."""
    evidence = next((each.evidence for each in record.steps if each.step.action == "probe.end"), None)
    if not evidence or not evidence["apis"]:
        return []
    longest = sorted(((each["longest_seconds"], name) for name, each in evidence["apis"].items()), reverse=True)
    told = ", ".join(f"{name} {duration(gone)}" for gone, name in longest)
    whole = "" if evidence["whole"] else " since the run was resumed; how long before is not known"
    return [f"As callers saw it, the APIs were gone for: {told}{whole}."]


def _verdict_of_trial(record: RunRecord) -> Verdict:
    """What was used, and what callers saw of each fault."""
    uses = [each.step.target for each in record.steps if each.step.action == "trial.use"]
    faults = [each for each in record.steps if each.step.action == "fault.inject"]
    lines = [f"Used: {', '.join(uses)}."]
    for each in faults:
        evidence = each.evidence or {}
        worst = max(evidence["apis"], key=lambda name: evidence["apis"][name]["longest_seconds"])
        lines.append(
            f"{each.step.arguments['kind']} {each.step.target}: no API gone for longer than"
            f" {duration(evidence['longest_seconds'])} ({worst}), well again after"
            f" {duration(evidence['recovered_seconds'])}."
        )
    bore = f", bore {counted(len(faults), 'fault')} and lost nothing" if faults else ""
    return Verdict("good", f"{record.plan.cloud} can be used{bore}.", tuple(lines))


def _verdict_of_role(record: RunRecord) -> Verdict:
    """On how many machines, and on how many of them something was changed."""
    machines = (record.steps[0].evidence or {}).get("machines", {})
    changed = sum(bool(each.get("changed")) for each in machines.values())
    return Verdict(
        "good",
        f"The role {record.plan.cloud} was carried out on {counted(len(machines), 'machine')}.",
        (f"Something was changed on {changed} of them.",),
    )


def next_after_deployment(record: RunRecord) -> str:
    """What to type when it is over."""
    if record.plan.kind in ("removal", "role"):
        return ""
    return f"onward status {record.plan.cloud}"


def _left(record: RunRecord) -> str:
    if record.plan.kind == "trial":
        return "What the trial has made is still in the cloud; resuming the run goes on, and removes it in the end."
    if record.plan.kind == "role":
        return "Tasks that were done stay done; resuming the run carries the role out again."
    if record.plan.kind == "removal":
        return "Units that were removed are gone with their data; the others run on."
    return "What was started runs on; what is left is done by resuming the run."


def _units(record: RunRecord, action: str) -> list[str]:
    return [each.step.target for each in record.steps if each.step.action == action and each.status == "done"]
