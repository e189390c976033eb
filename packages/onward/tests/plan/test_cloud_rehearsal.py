"""A rehearsal of several services: each in a lane of its own, and nothing is migrated before all could be."""

from wishes import choices

from onward.plan.cloud_rehearsal import CloudRehearsalWish, LaneWish, plan_cloud_rehearsal
from onward.plan.plan import Plan, parse
from onward.plan.prediction import predict

PATH = ("2025.1", "2025.2", "2026.1")


def plan(*, keep: bool = False) -> Plan:
    lanes = (
        LaneWish(
            service="keystone",
            path=PATH,
            configuration=("/etc/keystone.conf",),
            environments=choices(PATH),
            asked=True,
        ),
        LaneWish(
            service="nova",
            path=PATH,
            configuration=("/etc/nova.conf",),
            environments=choices(PATH),
            asked=False,
            finishes=True,
            waits=True,
        ),
        LaneWish(
            service="glance",
            path=PATH[1:],
            configuration=("/etc/glance.conf",),
            environments=choices(PATH[1:]),
            asked=False,
        ),
    )
    return plan_cloud_rehearsal(CloudRehearsalWish(cloud="small", lanes=lanes, facts={}, keep=keep))


def test_it_is_read_back_as_it_was_written() -> None:
    assert parse(plan().to_json()) == plan()
    assert plan().title == "Rehearsal of small from 2025.1 to 2026.1"


def test_each_service_is_migrated_by_its_own_releases_and_compared_after_each() -> None:
    steps = {step.id: step for step in plan().steps}
    assert "environment/glance/2025.2" not in steps, "a release that has nothing to do is not built"
    assert steps["migrate/nova/2026.1"].needs == ("check/nova/2025.2",)
    assert steps["check/nova/2025.2"].needs[0] == "census/nova/2025.2"
    assert steps["census/nova/2026.1"].arguments["baseline"] == "census/nova/2025.1"
    assert steps["census/glance/2026.1"].arguments["path"] == ["2025.2", "2026.1"]
    assert steps["check/nova/2026.1"].needs[0] == "census/nova/2026.1"
    assert steps["check/nova/2026.1"].arguments["adopted"] == ["/etc/nova.conf"]


def test_data_that_the_old_release_has_to_move_is_moved_before_it_is_counted() -> None:
    steps = {step.id: step for step in plan().steps}
    assert steps["census/nova/2025.1"].needs == ("finish/nova/2025.1",)
    assert "runner/nova/2025.1" in steps["finish/nova/2025.1"].needs
    assert "finish/glance/2025.2" not in steps


def test_data_that_the_target_moves_when_it_serves_is_no_part_of_the_outage_and_compared_all_the_same() -> None:
    steps = {step.id: step for step in plan().steps}
    assert steps["finish/nova/2026.1"].phase == "proof"
    assert steps["finish/nova/2026.1"].needs == ("migrate/nova/2026.1",)
    assert steps["census/nova/2026.1"].needs == ("finish/nova/2026.1",)
    assert "finish/glance/2026.1" not in steps


def test_no_migration_begins_before_all_services_are_ready_for_theirs() -> None:
    steps = {step.id: step for step in plan().steps}
    ready = set(steps["migrate/nova/2025.2"].needs)
    assert ready == set(steps["migrate/keystone/2025.2"].needs) == set(steps["migrate/glance/2026.1"].needs)
    assert {"census/keystone/2025.1", "census/nova/2025.1", "census/glance/2025.2", "runner/nova/2026.1"} <= ready


def test_the_copies_are_removed_when_all_have_been_proved_unless_they_are_kept() -> None:
    removal = plan().steps[-1]
    assert removal.id == "scratch/remove"
    assert set(removal.needs) == {"prove/keystone", "check/nova/2026.1", "check/glance/2026.1"}
    assert all(step.action != "scratch.remove" for step in plan(keep=True).steps)


def test_the_longest_service_is_the_outage_of_the_cloud() -> None:
    seconds = {step.id: 2.0 if "/nova/" in step.id else 1.0 for step in plan().steps}
    found = predict(plan(), seconds, {})
    assert found is not None
    by_service = {part.label: part.seconds for part in found.parts}
    assert by_service == {"keystone": 4.0, "nova": 8.0, "glance": 3.0}
    assert (found.outage_seconds, found.dominates) == (8.0, "nova")
    assert any("start of nova, glance at the target" in note for note in found.notes) or any(
        "nova" in note and "start" in note for note in found.notes
    )
    del seconds["migrate/glance/2026.1"]
    assert predict(plan(), seconds, {}) is None
