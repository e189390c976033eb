"""What a deployment, or the removal of a model, amounts to."""

from collections.abc import Mapping
from typing import Any

from onward.engine.record import RunRecord
from onward.plan.deployment.restarting import restarted_by
from onward.views.restart import outcome_of_restarts, verdict_of_restart
from onward.views.summary import Tone, Verdict, finished_steps
from onward.views.words import counted, duration, one_line


def verdict_of_deployment(record: RunRecord) -> Verdict:
    """One sentence that says how it ended."""
    plan, status = record.plan, record.status
    if plan.kind == "restart":
        return verdict_of_restart(record)
    if status == "done":
        return _verdict_of_done(record)
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


def _verdict_of_done(record: RunRecord) -> Verdict:
    """What there is now."""
    match record.plan.kind:
        case "removal":
            return Verdict("good", f"Nothing of {record.plan.cloud} is left.")
        case "trial":
            return _verdict_of_trial(record)
        case "role":
            return _verdict_of_role(record)
    configured, started = (len(_units(record, action)) for action in ("unit.configure", "unit.start"))
    again = restarted_by(record.plan)
    made = f"{counted(configured, 'unit')} configured, {counted(started, 'unit')} started."
    if again and not started:
        made = f"{counted(configured, 'unit')} configured."
    if rolled := set(_units(record, "unit.roll")):
        made = f"{counted(len(rolled), 'unit')} taken there one after the other, while the others served."
    tone, outcome, lines = outcome_of_restarts(record)
    restarted = (outcome, *lines) if again else ()
    owing = len(set(_units(record, "unit.defer")) - set(again))
    owed = (f"{counted(owing, 'unit')} still to be restarted: onward restart --owed",) if owing else ()
    details = (*_moved(record), made, *restarted, *owed, *_gone(record), *_untouched(record), *_way_back(record))
    return Verdict(tone, f"{record.plan.cloud} is as its bundle says.", details)


def _moved(record: RunRecord) -> list[str]:
    """Which release each service has come to, and that it has what it had."""
    lines = []
    for each in record.steps:
        if each.step.action == "model.compare" and each.evidence:
            service, source, series = (each.step.arguments[key] for key in ("service", "source", "series"))
            found = each.evidence["databases"].values()
            rows, tables = (sum(int(one[key]) for one in found) for key in ("rows", "tables"))
            let_pass = sum(len(one.get("waived", ())) for one in found)
            differs = f"{counted(let_pass, 'difference')} let pass" if let_pass else "no row is missing"
            told = f"{counted(rows, 'row')} in {counted(tables, 'table')}, {differs}"
            lines.append(f"{service} is at {series}, from {source}: {told}.")
    return lines


def _way_back(record: RunRecord) -> list[str]:
    """That there is one."""
    kept = any(each.step.action == "model.backup" and each.status == "done" for each in record.steps)
    return [f"The way back: onward runs restore {record.run_id}"] if kept else []


def _gone(record: RunRecord) -> list[str]:
    """For how long each API was gone while services went to another release."""
    evidence = next((each.evidence for each in record.steps if each.step.action == "probe.end"), None)
    if not evidence or not evidence["apis"]:
        return []
    whole = "" if evidence["whole"] else " since the run was resumed; what was before is not known"
    if _units(record, "unit.roll"):
        failed = {name: each for name, each in evidence["apis"].items() if each["failed"]}
        calls = sum(each["calls"] for each in evidence["apis"].values())
        told = ", ".join(f"{each['failed']} of {name} ({each['last_failure']})" for name, each in failed.items())
        return [f"Of {calls:,} calls meanwhile {f'these failed: {told}' if failed else 'none failed'}{whole}."]
    longest = sorted(((each["longest_seconds"], name) for name, each in evidence["apis"].items()), reverse=True)
    told = ", ".join(f"{name} {duration(gone)}" for gone, name in longest)
    return [f"As callers saw it, the APIs were gone for: {told}{whole}."]


def _untouched(record: RunRecord) -> list[str]:
    """What has become of instances and of the data plane meanwhile, where it was looked at."""
    told = {each.step.action: each.evidence for each in record.steps if each.evidence}
    instances = told.get("instances.compare", {}).get("instances")
    pings = told.get("dataplane.end", {})
    lines = [] if instances is None else [f"{counted(instances, 'instance')} compared: {_waived(told)}."]
    if "sent" in pings:
        lost = (
            f"{pings['lost']} lost, gone for at most {duration(pings['longest_seconds'])}"
            if pings["lost"]
            else "none lost"
        )
        until = "" if pings["whole"] else " until the run was killed"
        lines.append(f"{pings['sent']:,} pings between two network namespaces{until}: {lost}.")
    elif pings.get("why"):
        lines.append(f"No data plane was watched: {pings['why']}.")
    return lines


def _waived(told: Mapping[str, Mapping[str, Any]]) -> str:
    waived = told["instances.compare"].get("waived", ())
    return f"{counted(len(waived), 'difference')} let pass" if waived else "none was touched"


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
        return "What the trial has made, if anything, is there still; resuming the run goes on, and removes it at last."
    if record.plan.kind == "role":
        return "Tasks that were done stay done; resuming the run carries the role out again."
    if record.plan.kind == "removal":
        return "Units that were removed are gone with their data; the others run on."
    return "What was started runs on; what is left is done by resuming the run."


def _units(record: RunRecord, action: str) -> list[str]:
    return [each.step.target for each in record.steps if each.step.action == action and each.status == "done"]
