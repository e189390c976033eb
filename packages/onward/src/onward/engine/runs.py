"""Reads runs from the journal, from any process, whether or not they are at work. Does not load DBOS."""

import os
import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path

from onward.engine.action import Evidence
from onward.engine.journal import Journal, Request, RunRow, unknown
from onward.engine.record import Event, RunRecord, RunStatus, StepRecord, StepStatus, Waived
from onward.errors import RunAlreadyEnded
from onward.hosts.state import Directories
from onward.plan.plan import Plan

ENDED: tuple[RunStatus, ...] = ("done", "cancelled")
"""A run that stands so is never touched again."""

_STATUS_BY_EVENT: dict[str, RunStatus] = {
    "run.started": "running",
    "run.resumed": "running",
    "run.paused": "paused",
    "run.cancelled": "cancelled",
    "run.failed": "failed",
    "run.done": "done",
}
_STATUS_BY_REQUEST: dict[Request | None, RunStatus] = {
    "pause": "paused",
    "cancel": "cancelled",
    None: "interrupted",
}
"""How a run stands whose process died: what was asked of it and answered with yes still holds."""


def read_run(directories: Directories, run_id: str) -> RunRecord:
    """One run as it stands. Raises UnknownRun."""
    if not directories.journaled:
        raise unknown(run_id)
    with Journal(directories.journal) as journal:
        return record_of(journal, run_id)


def list_runs(directories: Directories) -> list[RunRecord]:
    """All runs, the oldest first."""
    if not directories.journaled:
        return []
    with Journal(directories.journal) as journal:
        return [record_of(journal, run_id) for run_id in journal.run_ids()]


def newest_runs(directories: Directories) -> Iterator[RunRecord]:
    """All runs, the newest first; each is read when it is asked for."""
    if not directories.journaled:
        return
    with Journal(directories.journal) as journal:
        for run_id in reversed(journal.run_ids()):
            yield record_of(journal, run_id)


def events(directories: Directories, run_id: str, after: int = 0) -> list[Event]:
    """The events of a run with a number above ``after``. Raises UnknownRun."""
    if not directories.journaled:
        raise unknown(run_id)
    with Journal(directories.journal) as journal:
        journal.run(run_id)
        return journal.events(run_id, after)


def all_events(directories: Directories, after: int, most: int) -> list[Event]:
    """The events of all runs with a number above ``after``, in order, and no more than ``most``."""
    if not directories.journaled:
        return []
    with Journal(directories.journal) as journal:
        return journal.all_events(after, most)


def last_number(directories: Directories) -> int:
    """The number of the latest event of any run; 0 where there is none."""
    if not directories.journaled:
        return 0
    with Journal(directories.journal) as journal:
        return journal.last_number()


def request(directories: Directories, run_id: str, wanted: Request) -> RunRecord:
    """Ask the run's process to pause or cancel; where no process is at work it is done at once.

    A run that failed or is paused stays so when it is asked to pause. Raises UnknownRun, RunAlreadyEnded.
    """
    if not directories.journaled:
        raise unknown(run_id)
    with Journal(directories.journal) as journal:
        with journal.transaction():
            record = record_of(journal, run_id)
            refuse_ended(record)
            if record.controller_pid is not None or _awaited(journal, record):
                journal.ask(run_id, wanted)
            elif wanted == "cancel":
                journal.tell(run_id, "run.cancelled")
            elif record.status in ("waiting", "interrupted"):
                journal.tell(run_id, "run.paused")
            if journal.shared and record.controller_pid is None and not _awaited(journal, record):
                journal.dequeue(run_id)
        return record_of(journal, run_id)


def _awaited(journal: Journal, record: RunRecord) -> bool:
    """Whether a controller will take the run over that has begun, and obey then."""
    return journal.run(record.run_id).queued and any(step.attempts for step in record.steps)


def enqueue(directories: Directories, run_id: str) -> RunRecord:
    """Have controllers carry the run out, or go on with it; what was asked of it and what failed is forgotten.

    Needs a store. Raises UnknownRun, RunAlreadyEnded, StoreUnreachable.
    """
    with Journal(directories.journal) as journal:
        with journal.transaction():
            record = record_of(journal, run_id)
            refuse_ended(record)
            if not journal.run(run_id).queued:
                journal.enqueue(run_id, record.plan.cloud, record.plan.onward_version, directories.site())
        return record_of(journal, run_id)


def waive(directories: Directories, run_id: str, waivers: Mapping[str, str]) -> None:
    """Record for a run what its checks may find without stopping it, each with the reason; the former ones are void.

    Raises UnknownRun, RunAlreadyEnded.
    """
    if not directories.journaled:
        raise unknown(run_id)
    with Journal(directories.journal) as journal, journal.transaction():
        refuse_ended(record_of(journal, run_id))
        journal.tell(run_id, "run.waived", None, {"waivers": dict(waivers), "by": _user()})


def _user() -> str:
    """Who runs this process."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def refuse_ended(record: RunRecord) -> None:
    """Raise RunAlreadyEnded for a run that is finished or cancelled."""
    if record.status in ENDED:
        raise RunAlreadyEnded(f"{record.run_id} is {record.status}.", next_command=f"onward runs show {record.run_id}")


def record_of(journal: Journal, run_id: str) -> RunRecord:
    """One run as it stands. Raises UnknownRun."""
    record = _record(*journal.run_with_events(run_id))
    if record.status == "interrupted":
        # Its process may have ended in good order after the journal was read; now that it is gone, this is the end.
        record = _record(*journal.run_with_events(run_id))
    return record


def process_identity(pid: int) -> str | None:
    """What tells a process from a later one with the same number: the boot, and when it began in clock ticks.

    None when there is no such process, or only its exit status is left.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    # proc(5): state is the third field and starttime the 22nd; the split begins at the third.
    return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"


def process_namespace() -> str:
    """Within what the numbers of processes mean the same as for the calling process; machines and containers differ."""
    return os.readlink("/proc/self/ns/pid")


def this_process() -> tuple[int, str | None]:
    """Number and identity of the calling process."""
    return os.getpid(), process_identity(os.getpid())


def _alive(row: RunRow) -> bool:
    if row.led is not None:
        return row.led
    return row.pid is not None and row.process is not None and process_identity(row.pid) == row.process


def _record(row: RunRow, history: list[Event]) -> RunRecord:
    plan = Plan.model_validate_json(row.plan)
    steps = {step.id: StepRecord(step, "waiting") for step in plan.steps}
    status: RunStatus = "waiting"
    finished = None
    waivers: tuple[Waived, ...] = ()
    for event in history:
        if event.step_id is not None and event.step_id in steps:
            steps[event.step_id] = _after(steps[event.step_id], event)
        elif event.kind == "run.waived":
            by = str(event.data.get("by", ""))
            waivers = tuple(Waived(name, reason, by, event.at) for name, reason in event.data["waivers"].items())
        elif event.kind in _STATUS_BY_EVENT:
            status = _STATUS_BY_EVENT[event.kind]
            finished = None if status == "running" else event.at
    alive = _alive(row)
    if row.queued and status in ("paused", "failed"):
        status = "waiting"
    if status == "running" and not alive:
        status = "waiting" if row.queued and row.request is None else _STATUS_BY_REQUEST[row.request]
    return RunRecord(
        run_id=row.run_id,
        plan=plan,
        status=status,
        created=row.created,
        finished=finished,
        steps=tuple(steps.values()),
        controller_pid=row.pid if alive else None,
        waivers=waivers,
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
            # An end that was told late bears the time of its record, which is a little coarser than ours.
            finished = event.at if started is None else max(started, event.at)
            status, evidence, error = "done", found, None
        case "step.failed":
            status, finished, error = "failed", event.at, event.data.get("error")
        case "step.aborted":
            status, started, error = "waiting", None, event.data.get("error")
    return StepRecord(step, status, started, finished, attempts, evidence, error)
