"""The verdict on a run, and the command to type next."""

from onward.engine.record import RunRecord, StepRecord
from onward.views.deployment import next_after_deployment, verdict_of_deployment
from onward.views.summary import (
    Finding,
    ProofCheck,
    Verdict,
    by_action,
    evidence_of,
    findings_of,
    finished_steps,
    is_started_again,
    outage_of,
    proof_of,
    rows_counted,
)
from onward.views.words import counted, duration, one_line

DATA_LOST = "OW602"
ANSWERS_DIFFER = "OW603"


def verdict_of(record: RunRecord) -> Verdict:
    """One sentence that says how it ended, and what must be known beside it."""
    if not record.plan.forward:
        return verdict_of_deployment(record)
    match record.status:
        case "done":
            return _verdict_of_done(record)
        case "failed":
            return _verdict_of_failed(record)
        case "running" | "waiting":
            sentence = f"Still running: {finished_steps(record)}." if record.status == "running" else "Not begun yet."
            return Verdict("neutral", sentence, _state_of_cloud(record))
        case "paused" | "interrupted" | "cancelled":
            happened = {
                "paused": "Paused by request",
                "interrupted": "Interrupted: its process ended without a word",
                "cancelled": "Cancelled",
            }[record.status]
            return Verdict("attention", f"{happened}; {finished_steps(record)}.", _state_of_cloud(record))


def next_command(record: RunRecord) -> str:
    """What to type next; "" where nothing is left to do."""
    failures = record.failures
    if not record.plan.forward and record.status in ("done", "cancelled"):
        return next_after_deployment(record)
    match record.status:
        case "done":
            return _next_of_done(record)
        case "failed":
            suggested = str((failures[0].error or {}).get("next_command", "")) if failures else ""
            resume = f"onward runs resume {record.run_id}"
            # What mends the cause is typed first, and then the run goes on.
            return "\n".join(filter(None, (suggested, "" if "onward " in suggested else resume)))
        case "paused" | "interrupted":
            return f"onward runs resume {record.run_id}"
        case "running" | "waiting":
            return f"onward runs show {record.run_id}"
        case "cancelled":
            return _next_of_cancelled(record)


def _next_of_cancelled(record: RunRecord) -> str:
    """How a service that was stopped comes back."""
    plan, outage = record.plan, outage_of(record)
    if plan.kind != "upgrade" or outage is None or outage.over:
        return ""
    if any(not each.step.reversible and each.started is not None for each in record.steps):
        return f"onward runs restore {record.run_id}"
    return f"start {plan.service} with the code of {plan.source}, on every host"


def _next_of_done(record: RunRecord) -> str:
    plan = record.plan
    if _is_demonstration(record):
        return f"onward init --from-config /etc/{plan.service}/{plan.service}.conf"
    if plan.kind == "rehearsal":
        if "model" in plan.facts:
            return f"onward plan upgrade --model {plan.facts['model']} --to {plan.target} -o plan.json"
        return f"onward plan upgrade --to {plan.target} -o plan.json" if plan.service else ""
    return "" if is_started_again(record) else f"start {plan.service} with the code of {plan.target}, on every host"


def next_heading(record: RunRecord) -> str:
    """What stands before the next command: a demonstration leads from its own cloud to the reader's."""
    return "Next, on a cloud of your own" if record.status == "done" and _is_demonstration(record) else "Next"


def _is_demonstration(record: RunRecord) -> bool:
    return record.plan.kind == "rehearsal" and any(step.action == "identity.seed" for step in record.plan.steps)


def _verdict_of_done(record: RunRecord) -> Verdict:
    plan = record.plan
    findings = findings_of(record)
    different = [finding for finding in findings if finding.level == "fail"]
    if different:
        return Verdict("bad", f"{counted(len(different), 'finding')} must be understood before production is upgraded.")
    details = _warned(findings)
    if plan.kind != "rehearsal":
        said = (*_outage(record), *_census(record), *details)
        again = " again" if plan.kind == "restore" else ""
        return Verdict("good", f"The database of {plan.service} is at {plan.target}{again}.", said)
    proof = proof_of(record)
    missed = [check for check in proof if check.passed != check.total]
    if missed:
        return Verdict("bad", f"Not everything came through: {_listed(missed)}.", details)
    compared = _census(record)
    if not proof and not compared:
        return Verdict("attention", "It ran to its end, but nothing was compared.", details)
    if _is_demonstration(record) and proof:
        others = (f"{_others(proof[1:], 'more comparison')} through the API hold as well.",) if proof[1:] else ()
        return Verdict("good", f"Nothing was lost: {_listed(proof[:1])}.", (*others, *compared, *details))
    # Of a copied cloud nobody's password is known; what is known of it are its rows.
    asked = (f"{_others(proof, 'comparison')} through the API hold as well.",) if proof else ()
    return Verdict("good", " ".join(("Nothing was lost.", *compared)), (*asked, *details))


def _outage(record: RunRecord) -> tuple[str, ...]:
    """How long the service was down, where the run has seen its end."""
    outage, service = outage_of(record), record.plan.service
    if outage is None:
        return ()
    took = duration(outage.seconds)
    if is_started_again(record):
        return (f"The outage took {took}.",)
    return (f"The outage lasts until {service} is started, for which the plan has no command. So far it took {took}.",)


def places(record: RunRecord) -> tuple[tuple[str, str], ...]:
    """What the run has left for its reader to find: what it is, and the path or URL where it is."""
    found = []
    kept = not any(step.action == "scratch.remove" for step in record.plan.steps)
    for action, key, words in (
        ("scratch.create", "where", "The copy is left in place" if kept else ""),
        ("database.backup", "backup", f"The backup of {record.plan.source}" if record.plan.forward else ""),
    ):
        made = next(by_action(record, action), None)
        if made is not None and words and (where := evidence_of(made).get(key)):
            found.append((words, str(where)))
    return tuple(found)


def _verdict_of_failed(record: RunRecord) -> Verdict:
    kind = record.plan.kind
    if not record.failures:
        return Verdict("bad", f"The {kind} failed; {finished_steps(record)}.", _state_of_cloud(record))
    failure = record.failures[0]
    error = failure.error or {}
    sentence = f"The {kind} failed at {failure.step.id}: {one_line(str(error.get('what', 'no reason was recorded')))}"
    if error.get("code") in (DATA_LOST, ANSWERS_DIFFER):
        sentence = f"Do not upgrade production yet. {sentence}"
    outage = outage_of(record)
    if kind != "rehearsal" and outage is not None and not outage.over:
        sentence = f"{record.plan.service} is still in its outage. {sentence}"
    return Verdict("bad", sentence, _state_of_cloud(record))


def _state_of_cloud(record: RunRecord) -> tuple[str, ...]:
    """What a run that did not come to its end means for the people who use the cloud."""
    if record.plan.kind == "rehearsal":
        return ("Production was not changed: a rehearsal works on a copy.",)
    outage = outage_of(record)
    service = record.plan.service
    if outage is None:
        return (f"{service} was not stopped and its database was not changed.",)
    if outage.over:
        return (f"The outage of {service} is over.",)
    begun = [each for each in record.steps if not each.step.reversible and each.started is not None]
    return (f"The outage of {service} has begun and is not over.", _state_of_database(begun))


def _state_of_database(begun: list[StepRecord]) -> str:
    if not begun:
        return "No migration has begun: the database is as it was."
    last = begun[-1]
    how = "done" if last.status == "done" else "begun and not finished"
    return f"The database has been changed: {last.step.id} is {how}. Only the backup brings the old state back."


def _census(record: RunRecord) -> tuple[str, ...]:
    compared = any(
        each.step.action in ("census.compare", "database.restore") and each.status == "done" for each in record.steps
    )
    found = rows_counted(record)
    if not compared or found is None:
        return ()
    tables, rows = found
    compared_rows = f"{counted(rows, 'row')} in {counted(tables, 'table')}"
    documented = any(finding.level == "documented" for finding in findings_of(record))
    apart = " apart from what the releases document" if documented else ""
    return (f"No row is missing or different{apart}: {compared_rows} were compared.",)


def _warned(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    warned = sum(finding.level == "warn" for finding in findings)
    unclear = sum(finding.level == "could-not-tell" for finding in findings)
    waived = sum(finding.level == "waived" for finding in findings)
    said = [counted(waived, "waived finding")] if waived else []
    said += [counted(warned, "warning")] if warned else []
    said += [f"{counted(unclear, 'check')} that could not tell"] if unclear else []
    return (f"To be read: {', '.join(said)}; listed below.",) if said else ()


def _others(proof: tuple[ProofCheck, ...], noun: str) -> str:
    """Comparisons in one number: the report lists them, and only what differs is worth a line here."""
    return f"{counted(sum(check.total for check in proof), noun)} of {counted(len(proof), 'kind')}"


def _listed(checks: tuple[ProofCheck, ...] | list[ProofCheck]) -> str:
    """``500 of 500 logins with the old password succeed, ...``."""
    return ", ".join(f"{check.passed:,} of {check.total:,} {check.name}" for check in checks)
