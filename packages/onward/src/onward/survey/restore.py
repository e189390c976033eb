"""Finds the backup of an upgrade that is to be taken back."""

from pathlib import Path

from onward.engine.record import RunRecord
from onward.engine.runs import ENDED, list_runs, newest_runs
from onward.errors import MigrationUnfinished, NothingToRestore
from onward.hosts.state import Directories
from onward.plan.forward import census_id
from onward.plan.plan import Plan
from onward.plan.restore import RestoreWish, plan_restore
from onward.plan.step import Step


def survey_restore(directories: Directories, record: RunRecord) -> Plan:
    """The plan of putting back the backup of a run. Raises NothingToRestore."""
    plan = record.plan
    if plan.kind != "upgrade":
        raise NothingToRestore(
            f"{record.run_id} is no upgrade: it has not changed the cloud.",
            next_command=f"onward runs show {record.run_id}",
        )
    require_ended(record)
    if not has_changed_the_database(record):
        raise NothingToRestore(
            f"{record.run_id} has not begun to migrate: the database is as it was.",
            next_command=f"onward runs show {record.run_id}",
        )
    nothing_came_after(directories, record)
    backup = (record.step("backup").evidence or {}).get("backup")
    baseline = record.step(census_id(plan.source)).evidence or {}
    workspace = directories.workspace(record.run_id)
    census, rows_file = (workspace / str(baseline.get(name)) for name in ("census", "rows_file"))
    missing = [str(path) for path in (backup, census, rows_file) if path is None or not Path(path).is_file()]
    if missing:
        raise NothingToRestore(
            f"What {record.run_id} kept of the database is not there any more.",
            evidence=f"missing: {', '.join(missing)}",
            next_command="restore the database from a backup of your own",
        )
    configuration = plan.step("configure").arguments["configuration"]
    return plan_restore(
        RestoreWish(
            cloud=plan.cloud,
            service=plan.service,
            source=plan.source,
            target=plan.target,
            configuration=tuple(str(file) for file in configuration) if isinstance(configuration, list) else (),
            backup=str(backup),
            census=str(census),
            rows_file=str(rows_file),
            facts={"run": record.run_id, "backup": str(backup), "size": Path(str(backup)).stat().st_size},
        )
    )


def require_ended(record: RunRecord) -> None:
    """Return when nobody is at work on the run. Raises NothingToRestore."""
    if record.status == "running":
        raise NothingToRestore(
            f"{record.run_id} is at work.",
            evidence=f"process {record.controller_pid}",
            next_command=f"onward runs pause {record.run_id}",
        )


def has_changed_the_database(record: RunRecord) -> bool:
    """Whether a step that cannot be taken back has been begun."""
    return any(not each.step.reversible and each.started is not None for each in record.steps)


def require_migrated(directories: Directories, model: str) -> None:
    """Return when no database of the model is within a migration. Raises MigrationUnfinished."""
    last = next(
        (run for run in newest_runs(directories) if run.plan.cloud == model and has_changed_the_database(run)), None
    )
    if last is None:
        return
    within = [each.step.id for each in last.steps if each.started and each.status != "done" and _is_between(each.step)]
    if within:
        resume = f"onward runs resume {last.run_id}"
        restore = f"onward runs restore {last.plan.facts.get('run', last.run_id)}"
        raise MigrationUnfinished(
            f"{last.run_id} has not come to the end of what it does to the databases of {model}.",
            evidence=f"begun, and not done: {', '.join(within)}",
            next_command=restore if last.status in ENDED else f"{resume}\n{restore}",
        )


def _is_between(step: Step) -> bool:
    """Whether a database is between two states while the step is at work, and nobody can use it."""
    needed = {"application.migrate": "backup", "model.restore": "backups"}.get(step.action)
    return needed is not None and bool(step.arguments.get(needed))


def nothing_came_after(directories: Directories, record: RunRecord) -> None:
    """Return when the database is as the run left it. Raises NothingToRestore where a later run has changed it.

    The way back from what came later would go on from there, and this run's backup is older.
    """
    for later in list_runs(directories):
        same = (later.plan.cloud, later.plan.service) == (record.plan.cloud, record.plan.service)
        if not same or later.created <= record.created or not has_changed_the_database(later):
            continue
        if later.status != "done" and later.plan.facts.get("run") == record.run_id:
            continue  # The same way back, which did not come to its end.
        raise NothingToRestore(
            f"The database is not as {record.run_id} left it.",
            evidence=f"{later.run_id} came later",
            next_command=f"onward runs show {later.run_id} --timeline",
        )
