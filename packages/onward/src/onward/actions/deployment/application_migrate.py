"""Take the databases of a deployed service to a release with that release's own code, and import that code before."""

import subprocess
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from pydantic import Field, TypeAdapter

from onward.actions.deployment.application_initialise import environment_python, run_commands
from onward.actions.deployment.cut_off import Attempts
from onward.actions.deployment.model_backup import put_back
from onward.actions.deployment.model_database import ModelDatabase
from onward.actions.deployment.noted import store_of
from onward.actions.warm_runner import MEBIBYTE, runner_alive
from onward.catalog.load import recipe
from onward.catalog.service import Command
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import MigrationFailed, StepFailed
from onward.hosts.command import run_command
from onward.hosts.model_store import ModelStore
from onward.hosts.runner import Runner, warm_runner
from onward.hosts.state import Directories
from onward.plan.step import Frozen

COMPILE_SECONDS = 600.0


class ReleaseCode(Frozen):
    """A release of a service, and what of it is imported ahead."""

    service: str
    series: str
    environment: str = Field(description="The step that builds it")
    modules: tuple[str, ...]


class _Wish(ReleaseCode):
    """What both steps are told."""

    starts: bool = False
    configuration: Path = Path()
    commands: tuple[Command, ...] = ()
    variables: dict[str, str] = Field(default_factory=dict)
    backup: str = Field("", description="The step that has kept the databases, where nobody has written since")
    reaches: bool = False
    settles: dict[str, str] = Field(default_factory=dict)


class WarmApplication:
    """``application.warm``: start the process that will run a release's commands, and wait for its imports.

    Arguments: ``service``, ``series``, ``environment`` (the step that built it), ``modules``, ``starts`` (whether units
    are started with this code: then all of it is compiled, which the first start would do otherwise). Evidence:
    ``seconds`` that the imports took, ``resident_mb``, ``compiled_seconds``. After a crash it is done again by
    whichever step needs it first.
    """

    name = "application.warm"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Take the runner, warm or not yet. Raises RunnerDied."""
        wish = _Wish.model_validate(context.step.arguments)
        compiled = self._compile(context, wish) if wish.starts else 0.0
        runner = release_runner(context, wish, self._directories)
        return {
            "seconds": runner.imported_seconds,
            "resident_mb": round(runner.resident_bytes / MEBIBYTE),
            "compiled_seconds": round(compiled, 2),
        }

    def _compile(self, context: StepContext, wish: _Wish) -> float:
        """Compile what of the environment is not yet, as ``compileall`` does it; the seconds that it took.

        Files that no Python of this version can read, as packages have for tests, are none of ours: the exit status
        says nothing.
        """
        began = time.monotonic()
        context.progress(f"compiling {wish.service} {wish.series}")
        python = environment_python(context, wish.environment, store_of(self._directories, context))
        libraries = sorted(python.parent.parent.glob("lib/python*/site-packages"))
        with suppress(subprocess.TimeoutExpired):  # What is left is compiled by whoever imports it.
            run_command([python, "-m", "compileall", "-q", "-j", "0", *libraries], timeout_seconds=COMPILE_SECONDS)
        return time.monotonic() - began


class MigrateApplication:
    """``application.migrate``: run a release's commands; then remember that the service's databases are at it.

    Arguments: those of ``application.warm``, ``configuration``, ``commands``, ``variables``, ``reaches`` (whether the
    databases are at the release afterwards), ``settles`` (steps that need not be done any more, with their digests),
    ``backup``. Evidence: each command's exit status and seconds; ``restored``, true where an attempt had come to
    a part of it, and its release could not go on from there: what was kept is put back then, and all migrations since
    are done anew.
    """

    name = "application.migrate"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Run them, in order. Raises StepFailed at the first that fails, RunnerDied, ScratchServerFailed."""
        wish = _Wish.model_validate(context.step.arguments)
        store, attempts = store_of(self._directories, context), Attempts(context)
        try:
            evidence = self._migrated(context, wish, attempts)
        except StepFailed as failed:
            attempts.fail()
            raise (_not_migrated(context, wish, store, failed) if wish.reaches else failed) from None
        self._remember(wish, store)
        for step, digest in wish.settles.items():
            store.note_done(step, digest, {})
        attempts.end()
        return evidence

    def _migrated(self, context: StepContext, wish: _Wish, attempts: Attempts) -> Evidence:
        """What it did, from where the databases are; or from what was kept, where an attempt before was cut off."""
        cut_off, failed_before = attempts.cut_off, attempts.failed
        if not attempts.anew:
            attempts.begin()
            crash_point("application.migration-begun")
            try:
                return {"commands": self._run(context, wish, attempts)}
            except StepFailed:
                if not (wish.backup and (cut_off or (failed_before and attempts.met_its_own))):
                    raise
        attempts.begin(anew=True)
        source, said = self._anew(context, wish, attempts)
        note = f"{wish.service} was put back to {source} and migrated anew: it was half at {wish.series}"
        return {"commands": said, "restored": True, "notes": [note]}

    def _run(self, context: StepContext, wish: _Wish, attempts: Attempts) -> list[Evidence]:
        store = store_of(self._directories, context)
        variables = {name: store.resolved(text) for name, text in wish.variables.items()}
        runner = release_runner(context, wish, self._directories)
        files = [wish.configuration]
        return run_commands(context, runner, wish.commands, wish.series, files, variables, store, attempts.hear)

    def _anew(self, context: StepContext, wish: _Wish, attempts: Attempts) -> tuple[str, list[Evidence]]:
        """Put back what was kept, and do all migrations up to this one; from which release, and what this one did."""
        context.progress(f"{wish.service} {wish.series} was cut off: it begins anew with what was kept")
        store, steps = store_of(self._directories, context), {each.id: each for each in context.plan.steps}
        kept, source = steps[wish.backup].arguments, str(steps[wish.backup].arguments["series"])
        databases = TypeAdapter(tuple[ModelDatabase, ...]).validate_python(kept["databases"])
        backups = {each["database"]: each["backup"] for each in context.results[wish.backup]["backups"]}
        put_back(context, databases, backups, store.secrets())
        store.note_series(wish.service, source)
        for step in context.plan.steps:
            if step.id in context.results and step.action == self.name and step.arguments.get("backup") == wish.backup:
                before = _Wish.model_validate(step.arguments)
                self._run(replace(context, step=step), before, attempts)
                self._remember(before, store)
        return source, self._run(context, wish, attempts)

    def _remember(self, wish: _Wish, store: ModelStore) -> None:
        if wish.reaches:
            store.note_series(wish.service, wish.series)


def _not_migrated(context: StepContext, wish: _Wish, store: ModelStore, failed: StepFailed) -> MigrationFailed:
    """Between two releases: what is known is at which the databases were before."""
    return MigrationFailed(
        failed.what,
        evidence=failed.evidence,
        state=f"The databases of {wish.service} are between {store.series().get(wish.service)} and {wish.series}, and"
        " none of its units runs. The run has kept what they held before.",
        next_command=f"onward runs resume {context.run_id}\nonward runs restore {context.run_id}",
    )


def release_runner(context: StepContext, wish: ReleaseCode, directories: Directories) -> Runner:
    """The runner of a service's release, shared by all steps of this process; a new one where the last has died."""
    known = recipe(wish.service)
    python = environment_python(context, wish.environment, store_of(directories, context))
    log = context.workspace / "logs" / f"runner-{wish.service}-{wish.series}.log"
    log.parent.mkdir(exist_ok=True, mode=0o700)
    modules = (*known.warm_modules, *wish.modules)
    key = f"application-runner/{wish.service}/{wish.series}"
    return runner_alive(context, key, lambda: warm_runner(python, modules, log, known.variables))
