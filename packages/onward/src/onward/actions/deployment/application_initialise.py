"""Run the commands that an application needs once, before any of its units is started, or for units that serve."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from onward.actions.deployment.database_content import empty, tables_of
from onward.actions.deployment.model_database import ModelDatabase
from onward.actions.deployment.noted import store_of
from onward.actions.release_commands import DONE_ALREADY
from onward.actions.warm_runner import clean_log, command_evidence, command_log
from onward.catalog.load import in_force, recipe
from onward.catalog.service import Command
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import StepFailed
from onward.hosts.contained_runner import contained_runner
from onward.hosts.model_store import ModelStore
from onward.hosts.runner import CommandOutcome, Runner, warm_runner
from onward.hosts.state import Directories
from onward.model.container import ContainedCommands
from onward.plan.step import Frozen


class _Wish(Frozen):
    """The step's arguments."""

    service: str
    series: str
    environment: str
    configuration: Path | None = None
    commands: tuple[Command, ...]
    variables: dict[str, str]
    units: tuple[str, ...] = ()
    contained: ContainedCommands | None = None
    databases: tuple[ModelDatabase, ...] = ()


class InitialiseApplication:
    """``application.initialise``: make the schema and what belongs to it, with the first unit's configuration.

    Arguments: ``service``, ``series``, ``environment`` (the step that built it), ``configuration`` (a path; None where
    the commands take no file of oslo.config), ``commands``, ``variables``, and perhaps ``units`` for which it is done,
    ``contained``, where they are run in an image, and ``databases`` that they fill.
    Evidence: each command's exit status and seconds. The commands are safe to run again, as their own documentation
    has it; but for a schema that was made by half, which is made anew where there was nothing before.
    """

    name = "application.initialise"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Run all, in order. Raises StepFailed at the first that fails."""
        wish = _Wish.model_validate(context.step.arguments)
        store = store_of(self._directories, context)
        known = recipe(wish.service)
        environment = {name: store.resolved(text) for name, text in wish.variables.items()}
        log = context.workspace / "logs" / f"runner-{context.step.target}.log"
        log.parent.mkdir(exist_ok=True, mode=0o700)
        if wish.contained is not None:
            warm = contained_runner(wish.contained, known.warm_modules, log, log.parent, known.variables)
        else:
            python = environment_python(context, wish.environment, store)
            warm = warm_runner(python, known.warm_modules, log, known.variables)
        with warm as runner:
            files = [wish.configuration] if wish.configuration else []
            run = partial(run_commands, context, runner, wish.commands, wish.series, files, environment, store)
            said = _filled(context, wish.databases, store, run)
        store.note_series(wish.service, wish.series)
        return {"commands": said}


def _filled(
    context: StepContext, databases: Sequence[ModelDatabase], store: ModelStore, run: Callable[..., list[Evidence]]
) -> list[Evidence]:
    """Run them; where an attempt before had begun with nothing and was cut off within a change, with nothing again.

    MariaDB takes no change of a schema back: a release cannot go on from the middle of one.
    """
    step, printed = context.step.id, [""]
    again = store.began_empty(step)
    if not again and databases and _hold_nothing(databases, store):
        store.note_empty(step)
    crash_point("application.initialise-begun")
    try:
        said = run(ended=lambda outcome: printed.append(outcome.output()))
    except StepFailed:
        if not (again and DONE_ALREADY.search(printed[-1])):
            raise
        for each in databases:
            context.progress(f"{each.database} was made by half, and is made anew")
            empty(context, each, store.secrets())
        said = run()
    store.note_filled(step)
    return said


def _hold_nothing(databases: Iterable[ModelDatabase], store: ModelStore) -> bool:
    try:
        return not any(tables_of(each.url(store.secrets())) for each in databases)
    except SQLAlchemyError:
        return False


def run_commands(
    context: StepContext,
    runner: Runner,
    commands: Iterable[Command],
    series: str,
    configuration: Sequence[Path],
    environment: Mapping[str, str],
    store: ModelStore,
    ended: Callable[[CommandOutcome], None] = lambda outcome: None,
) -> list[Evidence]:
    """Run those of the commands that the series has, in order; what each was. Raises StepFailed at one that fails.

    ``ended`` hears of each, before it is known whether it did what it should.
    """
    said = []
    for command in in_force(commands, series):
        context.progress(f"{command.name} of {context.step.target}")
        outcome = runner.run(
            command.model_copy(update={"argv": tuple(store.resolved(word) for word in command.argv)}),
            configuration=configuration,
            log=command_log(context, f"{context.step.target.replace(' ', '-')}-{series}", command.name),
            environment=environment,
        )
        printed = clean_log(context, outcome)
        crash_point("application.command-run")
        ended(outcome)
        if outcome.exit_status not in (0, *command.done_before):
            meaning = command.meanings.get(outcome.exit_status, "")
            raise StepFailed(
                f"{command.name} of {context.step.target} ended with exit status {outcome.exit_status}"
                + (f": {meaning}." if meaning else "."),
                evidence="\n".join(printed.splitlines()[-15:]),
                next_command=f"onward runs resume {context.run_id}",
            )
        said.append(command_evidence(context, outcome))
    return said


def environment_evidence(context: StepContext, step: str, store: ModelStore) -> Evidence:
    """What a step that builds an environment has left, in this run or in an earlier one."""
    found: Evidence = context.results.get(step) or store.done()[step]["evidence"]
    return found


def environment_python(context: StepContext, step: str, store: ModelStore) -> Path:
    """The interpreter of such an environment."""
    return Path(environment_evidence(context, step, store)["python"])
