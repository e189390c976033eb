"""The end of a model's upgrade in words: services from where to where, all their rows, and the way back."""

from dataclasses import replace
from typing import Any

from onward.engine.record import RunRecord, RunStatus, StepRecord
from onward.plan.plan import Plan
from onward.plan.step import Step
from onward.views.deployment import verdict_of_deployment


def step(action: str, target: str, **arguments: Any) -> Step:
    return Step(id=f"{action}/{target}", action=action, target=target, arguments=arguments, reason="", phase="deploy")


def compared(service: str, source: str, series: str, **databases: dict[str, Any]) -> StepRecord:
    taken = step("model.compare", service, service=service, source=source, series=series)
    return StepRecord(taken, "done", evidence={"databases": databases, "seconds": 0.1})


KEYSTONE = compared("keystone", "2025.1", "2026.1", keystone={"rows": 1200, "tables": 48})
NOVA = compared("nova", "2025.2", "2026.1", nova={"rows": 1, "tables": 110}, nova_api={"rows": 2, "tables": 32})
BACKUP = StepRecord(step("model.backup", "keystone"), "done", evidence={})


def record(*steps: StepRecord, status: RunStatus = "done") -> RunRecord:
    plan = Plan(kind="deployment", cloud="demo", facts={}, steps=tuple(each.step for each in steps))
    return RunRecord("20261126-a", plan, status, 0.0, 1.0, steps)


def test_each_service_is_told_with_its_way_and_all_that_it_still_has() -> None:
    found = verdict_of_deployment(record(BACKUP, KEYSTONE, NOVA))
    assert found.tone == "good"
    assert found.details[:2] == (
        "keystone is at 2026.1, from 2025.1: 1,200 rows in 48 tables, no row is missing.",
        "nova is at 2026.1, from 2025.2: 3 rows in 142 tables, no row is missing.",
    )


def test_the_title_names_services_that_go_the_same_way_together() -> None:
    glance = compared("glance", "2025.1", "2026.1", glance={"rows": 0, "tables": 9})
    assert record(KEYSTONE, glance, NOVA).plan.title == (
        "Upgrade of demo: keystone, glance from 2025.1 to 2026.1; nova from 2025.2 to 2026.1"
    )


def test_what_was_let_pass_is_never_called_complete() -> None:
    lost = compared("keystone", "2025.1", "2026.1", keystone={"rows": 7, "tables": 2, "waived": ["keystone.user: 1"]})
    (told,) = [each for each in verdict_of_deployment(record(lost)).details if each.startswith("keystone")]
    assert "1 difference let pass" in told
    assert "no row is missing" not in told


def test_the_way_back_is_named_where_there_is_a_backup_and_only_there() -> None:
    way = "The way back: onward runs restore 20261126-a"
    assert way in verdict_of_deployment(record(BACKUP, KEYSTONE)).details
    assert way not in verdict_of_deployment(record(KEYSTONE)).details
    assert way not in verdict_of_deployment(record(replace(BACKUP, status="failed"), KEYSTONE)).details


def test_a_deployment_that_moves_nothing_tells_of_no_release() -> None:
    found = verdict_of_deployment(record(StepRecord(step("unit.start", "keystone/0"), "done", evidence={})))
    assert found.details == ("0 units configured, 1 unit started.",)


def restarted(**evidence: Any) -> StepRecord:
    unit = {"unit": "keystone/0", "digest": "", "start": {}}
    arguments = {"application": "keystone", "bounds": {"batch": 1}, "most_away": 1, "units": [unit]}
    taken = step("application.restart", "keystone", **arguments)
    told = {"healthy": 0, "failed": {}, "skipped": [], "batches": 1, "slowest_seconds": 2.5, **evidence}
    return StepRecord(taken, "done", evidence=told)


CONFIGURED = StepRecord(step("unit.configure", "keystone/0"), "done", evidence={})
OWING = [StepRecord(step("unit.defer", unit), "done", evidence={}) for unit in ("keystone/0", "glance/0")]


def test_a_change_tells_of_its_files_its_restarts_and_what_others_owe_still() -> None:
    found = verdict_of_deployment(record(CONFIGURED, *OWING, restarted(healthy=1)))
    assert found.tone == "good"
    assert found.details == (
        "1 unit configured.",
        "1 unit of demo restarted and healthy.",
        "keystone: 1 batch, the slowest unit healthy after 2.5 s.",
        "1 unit still to be restarted: onward restart --owed",
    )


def test_a_change_whose_unit_stayed_away_is_not_called_well() -> None:
    found = verdict_of_deployment(record(CONFIGURED, restarted(failed={"keystone/0": "no answer"})))
    assert found.tone == "attention"
    assert "keystone/0 stayed away: no answer." in found.details
