"""Runs a plan in this process: progress to standard error, the result to standard output, reports to files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onward.actions.registry import all_actions
from onward.engine.engine import Engine
from onward.engine.record import RunRecord
from onward.engine.runs import read_run, waive
from onward.errors import DONE, FAILED, PAUSED, SIGNALLED, from_data
from onward.hosts.state import Directories
from onward.plan.plan import Plan
from onward.survey.gate import gate_of
from onward.views.data import to_json
from onward.views.progress import Progress
from onward.views.report import render
from onward.views.terminal import print_record


def start(directories: Directories, plan: Plan, waivers: Mapping[str, str] | None = None) -> str:
    """Record a new run of this plan, and what its checks shall not stop; its name. Nothing is executed yet."""
    run_id = Engine(directories, all_actions(directories, gate_of(directories))).create(plan)
    if waivers:
        waive(directories, run_id, waivers)
    return run_id


def execute(app: Any, directories: Directories, run_id: str, *, report_directory: Path | None) -> int:
    """Run or resume it until it ends or stops; show what happened; return the exit status.

    Ctrl-C once finishes the running steps and stops, twice aborts; both leave a run that can be resumed.
    """
    plan = read_run(directories, run_id).plan
    with Progress(app.stderr, plan) as progress:
        engine = Engine(directories, all_actions(directories, gate_of(directories)), watch=progress.show)
        with engine.signals() as came:
            record = engine.execute(run_id)
    reports = write_report(directories, record, report_directory)
    print_record(record, app.stdout, reports)
    if came and record.status != "done":
        return SIGNALLED + came[0]
    return exit_status(record)


def exit_status(record: RunRecord) -> int:
    """What the process says of this run. A failed run says what its first failed step says."""
    if record.status == "done":
        return DONE
    if record.failures:
        return from_data(record.failures[0].error or {}).exit_status
    return PAUSED if record.status == "paused" else FAILED


def write_report(directories: Directories, record: RunRecord, directory: Path | None) -> list[Path]:
    """Write report.html and report.json into this directory, or into the run's own; return their paths."""
    directory = directory or directories.workspace(record.run_id)
    directory.mkdir(parents=True, exist_ok=True)
    page, data = directory / "report.html", directory / "report.json"
    page.write_text(render(record), encoding="utf-8")
    data.write_text(to_json(record), encoding="utf-8")
    return [page, data]
