"""Runs that controllers carry out: put into the queue of a store, and watched from here."""

import time
from collections.abc import Mapping
from typing import Any

from onward import __version__
from onward.commands.controller import exit_status, start
from onward.engine.runs import enqueue, events, read_run
from onward.engine.shared.ledger import list_controllers
from onward.errors import SIGNALLED
from onward.hosts.state import Directories
from onward.plan.plan import Plan
from onward.views.called import as_called
from onward.views.progress import Progress
from onward.views.terminal import print_record

POLL_SECONDS = 0.2
SIGINT = 2
AT_REST = ("run.done", "run.failed", "run.paused", "run.cancelled")


def submit(app: Any, directories: Directories, plan: Plan, waivers: Mapping[str, str]) -> str:
    """Put a new run into the queue; its name. Says so where no controller is there that could take it."""
    run_id = start(directories, plan, waivers)
    enqueue(directories, run_id)
    _tell_of_missing_controllers(app, directories, run_id)
    return run_id


def resume(app: Any, directories: Directories, run_id: str) -> int:
    """Put a run into the queue again, and follow it. Raises UnknownRun, RunAlreadyEnded."""
    before = events(directories, run_id)
    enqueue(directories, run_id)
    _tell_of_missing_controllers(app, directories, run_id)
    return follow(app, directories, run_id, after=before[-1].number if before else 0)


def follow(app: Any, directories: Directories, run_id: str, after: int = 0) -> int:
    """Show a run of the queue until it ends or stops; the exit status is what became of it.

    Ctrl-C ends the watching alone: the run goes on.
    """
    at_rest = False
    try:
        with Progress(app.stderr, read_run(directories, run_id).plan) as progress:
            while not at_rest:
                for event in events(directories, run_id, after):
                    after = event.number
                    at_rest = at_rest or event.kind in AT_REST
                    progress.show(event)
                time.sleep(0 if at_rest else POLL_SECONDS)
    except KeyboardInterrupt:
        see, stop = as_called(f"onward runs show {run_id}"), as_called(f"onward runs pause {run_id}")
        print(f"\n{run_id} goes on. See it with: {see}; stop it with: {stop}", file=app.stderr)
        return SIGNALLED + SIGINT
    record = read_run(directories, run_id)
    print_record(record, app.stdout, [])
    return exit_status(record)


def _tell_of_missing_controllers(app: Any, directories: Directories, run_id: str) -> None:
    assert directories.store is not None  # noqa: S101 - whoever submits has named one
    site = directories.site()
    if not any(each.version == __version__ and each.site == site for each in list_controllers(directories.store)):
        print(
            f"{run_id} waits: no controller of Onward {__version__} with this state and cache directory is at work.\n"
            "next: onward controller run",
            file=app.stderr,
        )
