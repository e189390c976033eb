"""Reads runs from the journal, from any process, whether or not they are at work."""

import os
from pathlib import Path

from onward.engine.action import Evidence
from onward.engine.journal import Journal, Request, RunRow
from onward.engine.record import Event, RunRecord, RunStatus, StepRecord, StepStatus
from onward.errors import RunAlreadyEnded
from onward.hosts.state import Directories
from onward.plan.plan import Plan

_STATUS_BY_EVENT: dict[str, RunStatus] = {
    "run.started": "running",
    "run.resumed": "running",
    "run.paused": "paused",
    "run.cancelled": "cancelled",
    "run.failed": "failed",
    "run.done": "done",
}
_ENDED: tuple[RunStatus, ...] = ("done", "cancelled")


def read_run(directories: Directories, run_id: str) -> RunRecord:
    """One run as it stands. Raises UnknownRun."""
    journal = Journal(directories.journal)
    return _record(journal.run(run_id), journal.events(run_id))


def list_runs(directories: Directories) -> list[RunRecord]:
    """All runs, the oldest first."""
    if not directories.journal.exists():
        return []
    journal = Journal(directories.journal)
    return [_record(journal.run(run_id), journal.events(run_id)) for run_id in journal.run_ids()]


def events(directories: Directories, run_id: str, after: int = 0) -> list[Event]:
    """The events of a run with a number above ``after``. Raises UnknownRun."""
    journal = Journal(directories.journal)
    journal.run(run_id)
    return journal.events(run_id, after)


def request(directories: Directories, run_id: str, wanted: Request) -> RunRecord:
    """Ask the run's process to pause or cancel; a run without a process is cancelled or paused at once.

    Raises UnknownRun, RunAlreadyEnded.
    """
    journal = Journal(directories.journal)
    record = read_run(directories, run_id)
    if record.status in _ENDED:
        raise RunAlreadyEnded(f"{run_id} is {record.status}.", evidence="", next_command=f"onward runs show {run_id}")
    journal.ask(run_id, wanted)
    if record.status != "running":
        journal.tell(run_id, "run.paused" if wanted == "pause" else "run.cancelled")
    return read_run(directories, run_id)


def process_started(pid: int) -> str | None:
    """When a process began, in the kernel's clock ticks; None when there is none. Tells a reused pid from the old one."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()[19]


def _alive(row: RunRow) -> bool:
    return row.pid is not None and row.pid_started is not None and process_started(row.pid) == row.pid_started


def _record(row: RunRow, history: list[Event]) -> RunRecord:
    plan = Plan.model_validate_json(row.plan)
    steps = {step.id: StepRecord(step, "waiting") for step in plan.steps}
    status: RunStatus = "waiting"
    finished = None
    for event in history:
        if event.step_id is not None and event.step_id in steps:
            steps[event.step_id] = _after(steps[event.step_id], event)
        elif event.kind in _STATUS_BY_EVENT:
            status = _STATUS_BY_EVENT[event.kind]
            finished = None if status == "running" else event.at
    alive = _alive(row)
    if status == "running" and not alive:
        status = "interrupted"
    return RunRecord(
        run_id=row.run_id,
        plan=plan,
        status=status,
        created=row.created,
        finished=finished,
        steps=tuple(steps.values()),
        controller_pid=row.pid if alive else None,
    )


def _after(record: StepRecord, event: Event) -> StepRecord:
    """The record of a step after one more event."""
    step, evidence, error = record.step, record.evidence, record.error
    status: StepStatus = record.status
    started, finished, attempts = record.started, record.finished, record.attempts
    match event.kind:
        case "step.started":
            status, started, finished, attempts, error = "running", event.at, None, attempts + 1, None
        case "step.done":
            found: Evidence = event.data.get("evidence", {})
            status, finished, evidence, error = "done", event.at, found, None
        case "step.failed":
            status, finished, error = "failed", event.at, event.data.get("error")
    return StepRecord(step, status, started, finished, attempts, evidence, error)


def this_process() -> tuple[int, str | None]:
    """This process's number and when it began."""
    return os.getpid(), process_started(os.getpid())
