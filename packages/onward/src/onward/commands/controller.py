"""Runs a plan in this process: progress to standard error, the result to standard output, reports to files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onward.actions.registry import all_actions
from onward.actions.scratch import give_up_scratch
from onward.commands.base import make_directory, write_output
from onward.engine.engine import Engine
from onward.engine.record import RunRecord
from onward.engine.runs import read_run, waive
from onward.errors import DONE, FAILED, PAUSED, REFUSED, SIGNALLED, OutputUnwritable, RunLocked, from_data
from onward.hosts.state import Directories
from onward.plan.plan import Plan
from onward.survey.gate import gate_of
from onward.views.data import to_json
from onward.views.progress import Progress
from onward.views.report import render
from onward.views.terminal import print_error, print_record


def start(directories: Directories, plan: Plan, waivers: Mapping[str, str] | None = None) -> str:
    """Record a new run of this plan, and what its checks shall not stop; its name. Nothing is executed yet."""
    run_id = Engine(directories, all_actions(directories, gate_of(directories))).create(plan)
    if waivers:
        waive(directories, run_id, waivers)
    return run_id


def carry_out(
    app: Any,
    directories: Directories,
    plan: Plan,
    *,
    report_directory: Path | None,
    waivers: Mapping[str, str] | None = None,
) -> int:
    """Run a new plan as :func:`execute` does. Where another run is at work on the cloud, nothing is left of this one.

    Raises RunLocked.
    """
    run_id = start(directories, plan, waivers)
    try:
        return execute(app, directories, run_id, report_directory=report_directory)
    except RunLocked as locked:
        Engine(directories, all_actions(directories)).forget(run_id)
        locked.state = "Nothing was begun; the other run goes on."
        raise


def execute(app: Any, directories: Directories, run_id: str, *, report_directory: Path | None) -> int:
    """Run or resume it until it ends or stops; show what happened; return the exit status.

    Ctrl-C once finishes the running steps and stops, twice aborts; both leave a run that can be resumed.
    """
    plan = read_run(directories, run_id).plan
    with Progress(app.stderr, plan) as progress:
        engine = Engine(directories, all_actions(directories, gate_of(directories)), watch=progress.show)
        with engine.signals() as came:
            record = engine.execute(run_id)
    if record.status == "cancelled":
        give_up_scratch(record.plan, directories.workspace(run_id))
    try:
        reports = write_report(directories, record, report_directory)
    except OutputUnwritable as error:
        # What was done counts, and the report can be had again.
        error.state, error.next_command = "The run is in the journal.", f"onward runs report {run_id}"
        print_error(error, app.stderr)
        reports = []
    print_record(record, app.stdout, reports)
    if came and record.status != "done":
        return SIGNALLED + came[0]
    return exit_status(record)


def carry_out_quietly(app: Any, directories: Directories, plan: Plan) -> RunRecord:
    """Run a new plan and return its record; progress goes to standard error, and reports into the run's directory."""
    run_id = start(directories, plan)
    with Progress(app.stderr, plan) as progress:
        engine = Engine(directories, all_actions(directories, gate_of(directories)), watch=progress.show)
        with engine.signals() as came:
            record = engine.execute(run_id)
    write_report(directories, record, None)
    if came and record.status != "done":
        raise KeyboardInterrupt
    return record


def exit_status(record: RunRecord) -> int:
    """What the process says of this run. A failed run says what its first failed step says.

    A step of an outage may have been refused; that nothing was touched is no longer true then.
    """
    if record.status == "done":
        return DONE
    if record.failures:
        said = from_data(record.failures[0].error or {}).exit_status
        down = record.plan.kind != "rehearsal" and any(
            each.step.phase == "outage" and each.started is not None for each in record.steps
        )
        return FAILED if said == REFUSED and down else said
    return PAUSED if record.status == "paused" else FAILED


def write_report(directories: Directories, record: RunRecord, directory: Path | None) -> list[Path]:
    """Write report.html and report.json into this directory, or into the run's own; return their paths.

    Raises OutputUnwritable.
    """
    directory = directory or directories.workspace(record.run_id)
    make_directory(directory)
    page, data = directory / "report.html", directory / "report.json"
    write_output(page, render(record))
    write_output(data, to_json(record))
    return [page, data]
