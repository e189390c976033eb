"""Take the database to a series with that release's own code."""

import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from onward.actions.configure_service import database_url
from onward.actions.copied import run_databases
from onward.actions.lane import lane_directory, lane_path, lane_result, service_of
from onward.actions.release_commands import DONE_ALREADY, run_release
from onward.actions.scratch import scratch_for
from onward.actions.service_stopped import require_alone
from onward.actions.warm_runner import command_evidence, command_log, runner_for
from onward.catalog.load import in_force, recipe, series_list
from onward.catalog.migrations import may_wait, migration_commands
from onward.catalog.service import Command, ForwardRecipe, KnownFault, Recipe
from onward.engine.action import Evidence, StepContext
from onward.errors import MigrationFailed
from onward.hosts.scratch import ScratchDatabase
from onward.observe.database import backend_of, read_only
from onward.observe.migration_scripts import alembic_revisions, migrate_number, script_sets
from onward.observe.revision import observe_schema, position

SHOWN_WARNINGS = 5
_WARNING = re.compile(r"\bWARNING\b|\b\w*Warning:")
_STAMP = re.compile(r"^[\d-]+ [\d:.]+ \d+ ")  # oslo.log: date, time, process
_LONGEST_LINE = 300
_PLACE_IN_CODE = re.compile(r"\s|Traceback \(most recent call last\):|During handling of|The above exception was")


class MigrateDatabase:
    """``database.migrate``: run the release's offline migration, then look whether the database is at the series.

    What may wait until the last release of the way serves is left to ``release.finish``.

    Arguments: ``service``, ``series``. Evidence: ``commands``, a list of ``name``, ``exit_status``, ``seconds`` and
    ``log`` (below the run's directory); ``warnings``, the first different ones, and ``warnings_counted``;
    ``restored``, true where an earlier attempt had been cut off and the copy was put back first;
    ``checkpoint_seconds``, which only a rehearsal spends.

    A migration that ended is run again without effect. One that was killed leaves a schema that its own release
    cannot go on from, as neither SQLite through Python's driver nor MariaDB takes schema changes back; a rehearsal
    therefore keeps a checkpoint from before the first attempt and starts from there.
    """

    name = "database.migrate"

    def apply(self, context: StepContext) -> Evidence:
        """Migrate. Raises MigrationFailed, RunnerDied."""
        series = str(context.step.arguments["series"])
        service = recipe(service_of(context))
        runner_for(context, series)
        # A copy has a checkpoint; in an upgrade in place there is the backup that the plan made before.
        scratch = scratch_for(context) if context.plan.kind == "rehearsal" else None
        name = f"before-{series}"
        began = time.monotonic()
        restored = scratch is not None and _protect(scratch, name)
        checkpoint_seconds = time.monotonic() - began
        context.secrets.register(database_url(context).password)
        if scratch is None:
            # A statement of an attempt that was cut off may still be at work in the server, and who stopped the service
            # may have started it again since.
            require_alone(context, f"The migration to {series} has not been begun again; the service is stopped.")
        begun = lane_directory(context, "begun") / f"migration-to-{series}"
        repeated = begun.exists()
        begun.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        begun.touch()
        commands, warnings = [], list[str]()
        left_out = partial(may_wait, target=lane_path(context)[-1])
        for command, outcome, printed in run_release(context, series, migration_commands(service), left_out):
            if outcome.exit_status not in (0, *command.done_before):
                raise _failure(context, service, command, outcome.exit_status, printed, repeated=repeated)
            commands.append(command_evidence(context, outcome))
            warnings += _warnings(printed)
        if isinstance(service, ForwardRecipe):
            _must_be_at(context, service, series)
        notes = [] if isinstance(service, ForwardRecipe) else _must_be_at_ends(context, service, series)
        if scratch is not None:
            scratch.drop_checkpoint(name)
        return {
            "commands": commands,
            "warnings": list(dict.fromkeys(warnings))[:SHOWN_WARNINGS],
            "warnings_counted": len(warnings),
            "restored": restored,
            "checkpoint_seconds": round(checkpoint_seconds, 3),
            **({"notes": notes} if notes else {}),
        }


def _protect(scratch: ScratchDatabase, name: str) -> bool:
    """Make the checkpoint, or go back to it where an earlier attempt has made it; whether that was so."""
    if scratch.has_checkpoint(name):
        scratch.restore(name)
        return True
    scratch.checkpoint(name)
    return False


def _warnings(printed: str) -> Iterator[str]:
    """What a command warned of, without times and process numbers, so that equal warnings look alike."""
    for line in printed.splitlines():
        if _WARNING.search(line):
            yield _STAMP.sub("", line)[:_LONGEST_LINE].strip()


def _must_be_at(context: StepContext, service: ForwardRecipe, series: str) -> None:
    """Raise MigrationFailed unless the database carries the revisions of the series.

    The release's own check is not enough: some compare the database with itself (see the recipe).
    """
    engine = read_only(database_url(context))
    try:
        found = position(observe_schema(engine, service), service, series_list())
    finally:
        engine.dispose()
    if series not in found.series:
        raise MigrationFailed(
            f"{service.service} {series} reported success, but the database is not at {series}.",
            evidence=f"found: {found.state.as_data()}; that is {', '.join(found.series) or 'no known release'}",
            state=_state(context, series),
            next_command=_ways_on(context),
        )


def _must_be_at_ends(context: StepContext, service: Recipe, series: str) -> list[str]:
    """Raise MigrationFailed unless every database is where the release's own scripts end; which nothing is known of."""
    python = Path(lane_result(context, "environment", series)["python"])
    packages = python.parent.parent.glob(f"lib/python3*/site-packages/{service.module.partition('.')[0]}")
    sets = [each for package in packages for each in script_sets(package)]
    unknown, placed = [], 0
    for name, url in run_databases(context).items():
        engine = read_only(url)
        try:
            found, number = alembic_revisions(engine), migrate_number(engine)
        finally:
            engine.dispose()
        owners = [each for each in sets if found and found & each.revisions] or [
            each for each in sets if not found and number and each.number
        ]
        if not owners:
            unknown.append(f"{name}: no script of {service.service} {series} makes its revisions")
        elif not any(each.is_at_end(found) if found else each.number == number for each in owners):
            raise MigrationFailed(
                f"{service.service} {series} reported success, but {name} is not at {series}.",
                evidence=f"found: {sorted(found) or number}; the scripts of {owners[0].place} end at"
                f" {sorted(owners[0].ends) or owners[0].number}",
                state=_state(context, series),
                next_command=_ways_on(context),
            )
        else:
            placed += 1
    if not placed:
        raise MigrationFailed(
            f"{service.service} {series} reported success, and no database names a revision of it.",
            evidence="\n".join(unknown),
            state=_state(context, series),
            next_command=_ways_on(context),
        )
    return unknown


def _failure(
    context: StepContext, service: Recipe, command: Command, exit_status: int, printed: str, *, repeated: bool
) -> MigrationFailed:
    """The error of a command that failed, with the fault of the release where it is a known one."""
    rehearsal = context.plan.kind == "rehearsal"
    series = str(context.step.arguments["series"])
    ended = _ending(command, exit_status)
    log = command_log(context, series, command.name)
    evidence = f"{last_words(printed) or 'it printed nothing'}\nall it printed: {log}"
    next_command = _ways_on(context)
    fault = known_fault(service, series, backend_of(database_url(context)), printed)
    if fault is not None:
        return MigrationFailed(
            f"{service.service} {series} is itself at fault: {fault.explanation}",
            evidence=f"{evidence}\n\n{command.name} {ended}; known from: {fault.source}",
            state=_state(context, series),
            next_command=fault.way_out if rehearsal else f"{fault.way_out}\nonward runs restore {context.run_id}",
        )
    if not rehearsal and DONE_ALREADY.search(printed):
        if repeated:
            ended += ", because a part of it was done by an attempt that was cut off"
            next_command = f"onward runs restore {context.run_id}"
        else:
            ended += ", because the database has already what it was to make"
    return MigrationFailed(
        f"{service.service} {series}: {command.name} {ended}.",
        evidence=evidence,
        state=_state(context, series),
        next_command=next_command,
    )


def last_words(printed: str, lines: int = 8) -> str:
    """The last lines that a command printed, without the places in its code that a traceback names. Pure."""
    said = [line for line in printed.splitlines() if line.strip() and not _PLACE_IN_CODE.match(line)]
    return "\n".join(said[-lines:])


def known_fault(service: Recipe, series: str, backend: str, output: str) -> KnownFault | None:
    """The fault of a release that explains a failed command's output. Pure."""
    for fault in in_force(service.known_faults if isinstance(service, ForwardRecipe) else (), series):
        if fault.backend in (None, backend) and re.search(fault.pattern, output):
            return fault
    return None


def known_fault_on_the_way(context: StepContext, differences: str) -> str:
    """What is known of a release of the plan's path that explains what was found; "" where nothing is."""
    service, backend = recipe(service_of(context)), backend_of(database_url(context))
    for series in lane_path(context)[1:]:
        if (fault := known_fault(service, series, backend, differences)) is not None:
            return (
                f"\n\n{service.service} {series} is itself at fault: {fault.explanation}"
                f"\nWay out: {fault.way_out}\nKnown from: {fault.source}"
            )
    return ""


def _ending(command: Command, exit_status: int) -> str:
    if exit_status < 0:
        return f"was ended by signal {-exit_status}"
    meaning = command.meanings.get(exit_status)
    return f"ended with exit status {exit_status}" + (f" ({meaning})" if meaning else "")


def _ways_on(context: StepContext) -> str:
    """What to type after a failure: forward, and where there is no copy to begin anew with, back."""
    if context.plan.kind == "rehearsal":
        return f"onward runs show {context.run_id}"
    return f"onward runs resume {context.run_id}\nonward runs restore {context.run_id}"


def _state(context: StepContext, series: str) -> str:
    """Where the database is now, in words."""
    path = lane_path(context)
    before = path[path.index(series) - 1]
    if context.plan.kind == "rehearsal":
        return (
            f"The copy is between {before} and {series}, as that command left it; the cloud was not touched."
            f" Resuming takes the copy back to {before} first."
        )
    return f"The database is between {before} and {series}, and the service is stopped. The backup holds {path[0]}."
