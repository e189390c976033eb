"""Import a release's code ahead of its use."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path

from onward.actions.lane import lane_directory, lane_of, service_of
from onward.catalog.load import recipe
from onward.catalog.migrations import migration_modules
from onward.engine.action import Evidence, StepContext
from onward.hosts.runner import CommandOutcome, Runner, warm_runner
from onward.plan.forward import environment_id, runner_id

MEBIBYTE = 1024 * 1024


class WarmRunner:
    """``runner.warm``: start the process that runs a release's commands, and wait for its imports.

    Arguments: ``service``, ``series``. Evidence: ``seconds`` that the imports took, ``resident_mb`` that the process
    holds, ``skipped_modules`` that this release does not have, ``log``. A runner is not a fact of the run: after a
    crash it is warmed again, by this step or by whichever needs it first.
    """

    name = "runner.warm"

    def apply(self, context: StepContext) -> Evidence:
        """Take the runner of the series, warm or not yet."""
        series = str(context.step.arguments["series"])
        runner = runner_for(context, series)
        return {
            "seconds": runner.imported_seconds,
            "resident_mb": round(runner.resident_bytes / MEBIBYTE),
            "skipped_modules": sorted(runner.skipped_modules),
            "log": str(runner_log(context, series).relative_to(context.workspace)),
        }


def runner_for(context: StepContext, series: str) -> Runner:
    """The runner of a series, shared by all steps of this process; a new one where the last has died.

    Raises RunnerDied when it cannot be warmed, KeyError when the environment of the series is not built.
    """
    lane = lane_of(context)
    python = Path(context.results[environment_id(series, lane)]["python"])
    known = recipe(service_of(context))
    log = runner_log(context, series)
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return runner_alive(
        context,
        runner_id(series, lane),
        lambda: warm_runner(python, (*known.warm_modules, *migration_modules(known)), log, known.variables),
    )


def runner_alive(context: StepContext, key: str, make: Callable[[], AbstractContextManager[Runner]]) -> Runner:
    """The runner of this process that is known by the key; a new one where the last has died. Raises RunnerDied."""
    for attempt in count(1):
        runner = context.session.use(f"{key}/{attempt}", make)
        if runner.alive():
            return runner
    raise AssertionError("counting ended")


def clean_log(context: StepContext, outcome: CommandOutcome) -> str:
    """What a command printed, without the secrets that are registered; its log is rewritten if it held one.

    A release may show the whole URL of its database in a traceback.
    """
    printed = outcome.output()
    cleaned = str(context.secrets.clean(printed))
    if cleaned != printed:
        with outcome.log.open("r+b") as file:
            file.seek(outcome.log_from)
            file.write(cleaned.encode())
            file.truncate()
    return cleaned


def runner_log(context: StepContext, series: str) -> Path:
    """Where a runner's own output goes."""
    return lane_directory(context, "logs") / f"runner-{series}.log"


def command_log(context: StepContext, series: str, command: str) -> Path:
    """Where the output of a service's command goes; its directory is made."""
    directory = lane_directory(context, "logs") / series
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return directory / f"{command}.log"


def command_evidence(context: StepContext, outcome: CommandOutcome) -> Evidence:
    """What is recorded of a service's command: how it ended, how long it took (seconds), and where its output is."""
    return {
        "name": outcome.name,
        "exit_status": outcome.exit_status,
        "seconds": round(outcome.seconds, 3),
        "log": str(outcome.log.relative_to(context.workspace)),
    }
