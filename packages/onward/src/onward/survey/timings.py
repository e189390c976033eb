"""The times of runs, from the journal, and of the runs of a baseline."""

from collections.abc import Sequence

from onward.engine.record import RunRecord
from onward.engine.runs import list_runs, read_run
from onward.errors import RunNotComparable, UnknownRun
from onward.hosts.state import Directories
from onward.timings.comparison import Comparison, compare
from onward.timings.run import Baseline, RunTimes, StepTime


def find_run(directories: Directories, named: str | None, kind: str | None = None) -> RunRecord:
    """The run of this name, or the latest one of the cloud or model of this name, or of all where none is named.

    ``kind`` is that of the runs which are meant where no run is named. Raises UnknownRun.
    """
    every = list_runs(directories)
    if any(record.run_id == named for record in every):
        return read_run(directories, str(named))
    meant = [record for record in every if named in (None, record.plan.cloud) and kind in (None, record.plan.kind)]
    if not meant:
        what = kind or "run"
        raise UnknownRun(
            f"There is no {what} of {named}, and no run that is called so." if named else f"There is no {what} yet.",
            next_command="onward runs list",
        )
    return max(meant, key=lambda record: record.created)


def times_of(record: RunRecord) -> RunTimes:
    """What its steps took that have ended. Raises RunNotComparable where none has."""
    ended = tuple(
        StepTime(
            id=each.step.id,
            action=each.step.action,
            target=each.step.target,
            needs=each.step.needs,
            began=each.started,
            ended=each.finished,
            built=each.evidence is not None and each.evidence.get("cached") is False,
        )
        for each in record.steps
        if each.status in ("done", "failed") and each.started is not None and each.finished is not None
    )
    if not ended:
        raise RunNotComparable(
            f"No step of {record.run_id} has ended yet.",
            evidence=f"it is {record.status}",
            next_command=f"onward runs show {record.run_id}",
        )
    return RunTimes(
        run=record.run_id, kind=record.plan.kind, cloud=record.plan.cloud, begun=record.created, steps=ended
    )


def whole_times_of(record: RunRecord, baseline: Baseline | None) -> RunTimes:
    """The times of a run that ended well, and of the kind that a baseline has. Raises RunNotComparable."""
    if record.status != "done":
        raise RunNotComparable(
            f"{record.run_id} is not done.",
            evidence=f"it is {record.status}",
            next_command=f"onward timings show {record.run_id}",
        )
    if baseline is not None and record.plan.kind != baseline.runs[0].kind:
        raise RunNotComparable(
            f"{record.run_id} is a {record.plan.kind}, and the runs of {baseline.name} are not.",
            evidence=f"{baseline.runs[0].run} is a {baseline.runs[0].kind}",
            next_command="onward runs list",
        )
    return times_of(record)


def comparison_with(
    directories: Directories, baseline: Baseline, named: Sequence[str]
) -> tuple[Comparison, tuple[str, ...]]:
    """Runs held against a baseline, and their names; none named: the latest of the baseline's cloud.

    Raises UnknownRun, RunNotComparable.
    """
    first = baseline.runs[0]
    records = [find_run(directories, each, first.kind) for each in named or [first.cloud]]
    now = {record.run_id: whole_times_of(record, baseline) for record in records}
    before = [each for each in baseline.runs if each.run not in now]
    if not before:
        raise RunNotComparable(
            f"{baseline.name} has no run but what it is to be compared with.",
            evidence=", ".join(now),
            next_command="onward runs list",
        )
    return compare(before, list(now.values())), tuple(now)
