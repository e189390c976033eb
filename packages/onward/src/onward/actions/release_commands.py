"""Runs commands of a release on the databases of a run, with what the step ``configure`` has left for them."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from onward.actions.configure_service import configuration_files
from onward.actions.lane import lane_result, service_of
from onward.actions.warm_runner import clean_log, command_evidence, command_log, runner_for
from onward.catalog.load import in_force, recipe
from onward.catalog.migrations import finishing_commands
from onward.catalog.service import Command
from onward.engine.action import Evidence, StepContext
from onward.errors import MigrationFailed
from onward.hosts.runner import CommandOutcome

# MariaDB and MySQL: 1050, 1060, 1061, 1091, 1826; SQLite in words.
DONE_ALREADY = re.compile(
    r"\((?:1050|1060|1061|1091|1826),|table \S+ already exists|duplicate column name|index \S+ already exists"
)
"""What a migration says of a change of the schema that is there already."""
COPY_LEFT = "The copy is as that command left it; the cloud was not touched."


class FinishRelease:
    """``release.finish``: on the copy, have a release move the data that the next one no longer understands.

    Arguments: ``service``, ``series``. In the cloud it does that while it serves. Evidence: ``commands`` as
    ``database.migrate`` has them. What was moved already is left as it is when it is repeated.
    """

    name = "release.finish"

    def apply(self, context: StepContext) -> Evidence:
        """Run its commands. Raises MigrationFailed, RunnerDied."""
        series = str(context.step.arguments["series"])
        return {"commands": run_to_the_end(context, series, finishing_commands(recipe(service_of(context))))}


def run_to_the_end(
    context: StepContext, series: str, commands: Iterable[Command], state: str = COPY_LEFT
) -> list[Evidence]:
    """Run those of the commands that the series has, each of which has to end well; what each came to.

    ``state``: what has been touched where one does not. Raises MigrationFailed, RunnerDied.
    """
    ended = []
    for command, outcome, printed in run_release(context, series, commands):
        if outcome.exit_status not in (0, *command.done_before):
            raise MigrationFailed(
                f"{service_of(context)} {series}: {command.name} ended with exit status {outcome.exit_status}.",
                evidence="\n".join(printed.splitlines()[-8:]),
                state=state,
                next_command=f"onward runs show {context.run_id}",
            )
        ended.append(command_evidence(context, outcome))
    return ended


def run_release(
    context: StepContext,
    series: str,
    commands: Iterable[Command],
    left_out: Callable[[Command], bool] = lambda _: False,
) -> Iterator[tuple[Command, CommandOutcome, str]]:
    """Run those of the commands that the series has, in order; how each ended, and what it printed without secrets.

    What a service has for each further cell is run for each, afterwards. Those that are to be ``left_out`` are not run.
    """
    known = recipe(service_of(context))
    left = lane_result(context, "configure")
    ways: list[tuple[str, list[Path], Iterable[Command]]] = [("", configuration_files(context), commands)]
    ways += [(f" of {name}", [Path(path)], known.each_cell) for name, path in left.get("further_cells", {}).items()]
    for place, files, wanted in ways:
        for command in (each for each in in_force(wanted, series) if not left_out(each)):
            context.progress(f"{series}: {command.name}{place}")
            outcome = runner_for(context, series).run(
                command,
                configuration=files,
                log=command_log(context, series, f"{command.name}{place}".replace(" ", "-")),
                environment=left.get("variables", {}),
            )
            yield command, outcome, clean_log(context, outcome)
