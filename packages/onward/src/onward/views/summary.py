"""What a run amounts to: the facts that the terminal, the report and the JSON all say alike.

Everything here is read from the record. Evidence is read with patience: a run of an earlier version may lack a key.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Literal, get_args

from onward.checks.grouping import together
from onward.engine.record import RunRecord, StepRecord
from onward.plan.plan import Plan
from onward.plan.prediction import Prediction, predict
from onward.plan.step import Phase
from onward.views.words import counted, duration, one_line

PHASES: tuple[Phase, ...] = ("prepare", "deploy", "outage", "proof", "cleanup")
PHASE_TITLES: dict[Phase, str] = {
    "prepare": "Prepare",
    "deploy": "Deploy",
    "outage": "Outage",
    "proof": "Proof",
    "cleanup": "Clean up",
}

LONG_IDLE_SECONDS = 30.0
"""Beyond this, the time in which a run did nothing is told apart from its work."""

Tone = Literal["good", "attention", "bad", "neutral"]
Level = Literal["fail", "could-not-tell", "waived", "warn", "documented", "note", "not-checked", "pass"]
LEVELS: tuple[Level, ...] = get_args(Level)


@dataclass(frozen=True)
class Verdict:
    """The run in one sentence, and what must be known beside it."""

    tone: Tone
    sentence: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outage:
    """From the beginning of the first step of the outage to the end of the last that has ended.

    ``idle`` are the seconds in it during which no step ran: a pause, or a crash until it was resumed.
    """

    started: float
    seconds: float
    idle: float
    over: bool


@dataclass(frozen=True)
class Finding:
    """Something that was found, and the steps that found it."""

    level: Level
    name: str
    details: str
    steps: tuple[str, ...]


@dataclass(frozen=True)
class ProofCheck:
    """One thing that was asked of the old and of the new release."""

    name: str
    passed: int
    total: int


@dataclass(frozen=True)
class EnvironmentFact:
    """How the environment of one series was, or will be, made."""

    series: str
    version: str
    python_version: str
    constraints: str
    packages: int | None
    cached: bool | None
    seconds: float | None


def title_of(record: RunRecord) -> str:
    """What kind of run it is: ``Rehearsal of keystone from 2024.1 to 2026.2``."""
    return record.plan.title


def phase_note(plan: Plan, phase: Phase) -> str:
    """What a phase means for the people who use the service."""
    made_for_it = plan.forward or plan.kind == "trial"
    notes: dict[Phase, str] = {
        "prepare": "the service stays up"
        if plan.forward
        else "the services stay up"
        if plan.moves
        else "nothing is started yet",
        "deploy": "in batches"
        if any(step.action == "application.restart" for step in plan.steps)
        else "one after the other, while the others serve"
        if _rolls(plan)
        else "each when what it uses can serve it",
        "outage": "the service is down",
        "proof": "it is used as its users use it" if plan.kind == "trial" else "the new release is asked",
        "cleanup": "what was made for the run is removed" if made_for_it else "stopped, then removed",
    }
    if plan.kind == "rehearsal" and phase == "outage":
        return "on the copy; in production the service would be down"
    return notes[phase]


def _rolls(plan: Plan) -> bool:
    """Whether services go to another release while they serve."""
    return any(step.action == "unit.roll" for step in plan.steps)


def phase_note_of(record: RunRecord, phase: Phase) -> str:
    """The same for a run, whose outage may have come to its end."""
    outage = outage_of(record)
    if phase != "outage" or record.plan.kind == "rehearsal" or outage is None or not outage.over:
        return phase_note(record.plan, phase)
    return "the service was down" if is_started_again(record) else "the service is down until it is started"


def is_started_again(record: RunRecord) -> bool:
    """True where the run itself has started a unit of the service."""
    return any(each.step.arguments.get("verb") == "start" for each in by_action(record, "unit.command"))


def took_of(record: RunRecord) -> str:
    """How long it took, as the end of a sentence; empty while it is not over. A pause in it is said."""
    if record.finished is None or record.status not in ("done", "failed", "cancelled"):
        return ""
    whole = record.finished - record.created
    busy = sum(end - begin for begin, end in busy_intervals(record.steps, record.finished))
    at_work = f", of that {duration(busy)} at work" if whole - busy > LONG_IDLE_SECONDS else ""
    return f", took {duration(whole)}{at_work}"


def evidence_of(record: StepRecord) -> Mapping[str, Any]:
    """What the step left behind; empty where it left nothing."""
    return record.evidence or {}


def by_action(record: RunRecord, action: str) -> Iterator[StepRecord]:
    """The steps of one kind, in the plan's order."""
    return (each for each in record.steps if each.step.action == action)


def last_moment(record: RunRecord) -> float:
    """The latest time that the record knows of: views have no clock of their own."""
    times = [at for each in record.steps for at in (each.started, each.finished) if at is not None]
    return max([record.created, *times, *([record.finished] if record.finished is not None else [])])


def busy_intervals(steps: tuple[StepRecord, ...], until: float) -> list[tuple[float, float]]:
    """The times during which at least one of the steps ran, joined and in order."""
    spans = sorted(
        (each.started, each.finished if each.finished is not None else until)
        for each in steps
        if each.started is not None
    )
    joined: list[tuple[float, float]] = []
    for begin, end in spans:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, max(begin, end)))
    return joined


def outage_of(record: RunRecord) -> Outage | None:
    """The outage as it was measured; None where it has not begun."""
    steps = tuple(each for each in record.steps if each.step.phase == "outage")
    intervals = busy_intervals(steps, last_moment(record))
    if not intervals:
        return None
    begin, end = intervals[0][0], intervals[-1][1]
    busy = sum(last - first for first, last in intervals)
    return Outage(begin, end - begin, max(0.0, end - begin - busy), over=all(each.status == "done" for each in steps))


def prediction_of(record: RunRecord) -> Prediction | None:
    """The outage to expect in production; None where the run has not measured it."""
    seconds = {each.step.id: each.seconds for each in record.steps if each.seconds is not None}
    done = {each.step.id for each in record.steps if each.status == "done"}
    return predict(
        record.plan,
        {step_id: value for step_id, value in seconds.items() if step_id in done},
        {each.step.id: each.evidence for each in record.steps if each.evidence is not None},
        between_steps=_between_steps(record),
    )


def _between_steps(record: RunRecord) -> float:
    """Seconds from the end of a step of the outage to the beginning of the next: the median, to leave pauses out."""
    ran = [each for each in record.steps if each.step.phase == "outage" and each.seconds is not None]
    ran.sort(key=lambda each: each.started or 0.0)
    gaps = [(after.started or 0.0) - (before.finished or 0.0) for before, after in pairwise(ran)]
    return median(max(0.0, gap) for gap in gaps) if gaps else 0.0


def proof_of(record: RunRecord) -> tuple[ProofCheck, ...]:
    """What was asked at both ends, and how much of it was answered alike."""
    return tuple(
        ProofCheck(str(check.get("name", "")), int(check.get("passed", 0)), int(check.get("total", 0)))
        for step in by_action(record, "identity.prove")
        for check in evidence_of(step).get("checks", [])
    )


def findings_of(record: RunRecord) -> tuple[Finding, ...]:
    """All findings, the gravest first; the same one found by several steps is one finding."""
    steps: dict[tuple[Level, str, str], dict[str, None]] = {}
    abouts: dict[tuple[Level, str, str], dict[str, None]] = {}
    for record_of_step in record.steps:
        for level, name, details, about in _found_by(record_of_step):
            steps.setdefault((level, name, details), {})[record_of_step.step.id] = None
            abouts.setdefault((level, name, details), {}).update({about: None} if about else {})
    found_all = [
        Finding(level, f"{name} ({together(about)})" if about else name, details, tuple(steps[level, name, details]))
        for (level, name, details), about in abouts.items()
    ]
    return tuple(sorted(found_all, key=lambda finding: LEVELS.index(finding.level)))


def _found_by(record: StepRecord) -> Iterator[tuple[Level, str, str, str]]:
    """Level, name, details and what it is about."""
    evidence = evidence_of(record)
    for found in evidence.get("findings", []):
        level: Level = found["result"] if found.get("result") in LEVELS else "could-not-tell"
        name, details = str(found.get("name", "check")), _said(found.get("details", ""))
        if found.get("waived"):
            level, details = "waived", f"{details} (waived: {_said(found['waived'])})".strip()
        yield level, name, details, str(found.get("about", ""))
    for command in evidence.get("commands", []):
        if command.get("exit_status"):
            yield "warn", str(command.get("name", "command")), f"ended with exit status {command['exit_status']}", ""
    for difference in evidence.get("differences", []):
        yield "fail", "answers differ", _said(difference), ""
    for warning in evidence.get("warnings", []):
        yield "warn", "said by the release", _said(warning), ""
    for change in evidence.get("documented", []):
        yield "documented", "", _said(change), ""
    for note in evidence.get("notes", []):
        yield "note", "", _said(note), ""


def _said(value: object) -> str:
    """A detail of some evidence as one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_said(each)}" for key, each in value.items() if each not in (None, ""))
    return one_line(str(value))


def environments_of(record: RunRecord) -> tuple[EnvironmentFact, ...]:
    """The environments of the plan, with what their builds reported."""
    facts = []
    for each in by_action(record, "environment.build"):
        arguments, evidence = each.step.arguments, evidence_of(each)
        constraints = arguments.get("constraints")
        kind = str(constraints.get("kind", "")) if isinstance(constraints, dict) else ""
        packages = evidence.get("packages")
        facts.append(
            EnvironmentFact(
                series=str(arguments.get("series", each.step.target)),
                version=str(arguments.get("version", "")),
                python_version=str(arguments.get("python_version", "")),
                constraints=kind,
                packages=len(packages) if isinstance(packages, list | dict) else packages,
                cached=evidence.get("cached"),
                seconds=each.seconds,
            )
        )
    return tuple(facts)


def rows_counted(record: RunRecord) -> tuple[int, int] | None:
    """Tables and rows of the last census of each service that finished; None where there was none."""
    found: dict[str, tuple[int, int]] = {}
    for each in record.steps:
        if each.step.action.startswith(("census.", "database.restore")) and each.evidence is not None:
            tables, rows = each.evidence.get("tables"), each.evidence.get("rows")
            if isinstance(tables, int) and isinstance(rows, int):
                found[str(each.step.arguments.get("service", ""))] = tables, rows
    return (sum(tables for tables, _ in found.values()), sum(rows for _, rows in found.values())) if found else None


def finished_steps(record: RunRecord) -> str:
    """How far it came: ``12 of 31 steps done``."""
    return f"{sum(each.status == 'done' for each in record.steps)} of {counted(len(record.steps), 'step')} done"
