"""The way back of a deployed model: its bundle and its databases as they were before a run took them further."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from onward.catalog.charms import charms
from onward.engine.record import RunRecord, StepRecord
from onward.errors import NothingToRestore
from onward.hosts.state import Directories
from onward.model.bundle import Bundle
from onward.model.bundle_edit import as_data, with_channels
from onward.plan.deployment.move import Move
from onward.plan.deployment.topology import Topology
from onward.plan.forward import EnvironmentChoice
from onward.plan.plan import Plan
from onward.survey.deployment import survey_deployment
from onward.survey.options import EnvironmentWish
from onward.survey.restore import has_changed_the_database, nothing_came_after, require_ended
from onward.survey.wanted import Wanted


def survey_model_restore(directories: Directories, record: RunRecord, environments: EnvironmentWish) -> Plan:
    """The plan of going back to before a run. Raises NothingToRestore.

    A run that has stopped services and taken no database further yet is gone back from as well: they are started again.
    """
    plan = record.plan
    before = plan.facts.get("before")
    if isinstance(before, dict) and not has_changed_the_database(record) and _has_stopped(record):
        require_ended(record)
        return survey_deployment(directories, _as_before(plan, Bundle.model_validate(before["bundle"])), environments)
    if not isinstance(before, dict) or not has_changed_the_database(record):
        raise NothingToRestore(
            f"{record.run_id} has taken no database to another release.",
            next_command=f"onward runs show {record.run_id}",
        )
    require_ended(record)
    nothing_came_after(directories, record)
    backups = _backups(record)
    bundle = _at_its_backups(record, Bundle.model_validate(before["bundle"]))
    found = survey_deployment(
        directories, _as_before(plan, bundle), environments, back=lambda found, choices: _moves(found, choices, backups)
    )
    return found.model_copy(update={"facts": {**found.facts, "run": record.run_id}}).sealed()


def _as_before(plan: Plan, bundle: Bundle) -> Wanted:
    return Wanted(bundle, "the bundle before", plan.cloud, yaml.safe_dump(as_data(bundle), sort_keys=False))


def _has_stopped(record: RunRecord) -> bool:
    return any(each.step.action == "application.stop" and each.started is not None for each in record.steps)


def _at_its_backups(record: RunRecord, bundle: Bundle) -> Bundle:
    """The bundle with each service at the release that its backup is of.

    What was remembered before the run may say another one: an earlier run may have ended before it had moved anything.
    """
    kept = {each.step.target: str(each.step.arguments["series"]) for each in _kept(record)}
    services = {name: charms()[entry.charm].service or "" for name, entry in bundle.applications.items()}
    return with_channels(bundle, {name: kept[service] for name, service in services.items() if service in kept})


def _kept(record: RunRecord) -> list[StepRecord]:
    return [each for each in record.steps if each.step.action == "model.backup" and each.status == "done"]


def _backups(record: RunRecord) -> dict[str, dict[str, str]]:
    """The dumps that a run has made, by service and database. Raises NothingToRestore where one is gone."""
    found: dict[str, dict[str, str]] = {}
    for each in _kept(record):
        kept = (each.evidence or {})["backups"]
        found[each.step.target] = {one["database"]: one["backup"] for one in kept}
    missing = [path for kept in found.values() for path in kept.values() if not Path(path).exists()]
    if missing:
        raise NothingToRestore(
            f"What {record.run_id} kept of the databases is not there any more.",
            evidence=f"missing: {', '.join(missing)}",
            next_command="restore the databases from a backup of your own",
        )
    return found


def _moves(
    found: Topology, choices: Mapping[str, EnvironmentChoice], backups: Mapping[str, Mapping[str, str]]
) -> tuple[Move, ...]:
    moves = []
    for service, kept in backups.items():
        owner = found.owner(service)
        if owner is None:
            raise NothingToRestore(f"Nothing of the bundle before would use the backups of {service}.")
        moves.append(Move(service, owner, found.of_service(service), (choices[owner].series,), backups=kept))
    return tuple(moves)
