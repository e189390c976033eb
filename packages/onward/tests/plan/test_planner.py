"""Properties that every plan has, whatever was wished."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wishes import rehearsal_wishes, upgrade_wishes

from onward.errors import PlanEdited, PlanUnreadable
from onward.plan.plan import Plan, in_order, parse
from onward.plan.rehearsal import RehearsalWish, plan_rehearsal
from onward.plan.step import Step
from onward.plan.upgrade import UpgradeWish, plan_upgrade

any_wish = st.one_of(rehearsal_wishes(), upgrade_wishes())


def planned(wish: RehearsalWish | UpgradeWish) -> Plan:
    return plan_rehearsal(wish) if isinstance(wish, RehearsalWish) else plan_upgrade(wish)


def before(plan: Plan, step_id: str) -> set[str]:
    """All steps that are sure to have finished when this one begins."""
    found: set[str] = set()
    pending = list(plan.step(step_id).needs)
    while pending:
        need = pending.pop()
        if need not in found:
            found.add(need)
            pending.extend(plan.step(need).needs)
    return found


@given(any_wish)
def test_no_step_comes_before_what_it_needs(wish: RehearsalWish | UpgradeWish) -> None:
    done: set[str] = set()
    for step in planned(wish).steps:
        assert set(step.needs) <= done
        done.add(step.id)


@given(any_wish)
def test_migrations_follow_the_path_one_after_the_other(wish: RehearsalWish | UpgradeWish) -> None:
    plan = planned(wish)
    migrations = [step.arguments["series"] for step in plan.steps if step.action == "database.migrate"]
    assert migrations == list(wish.path[1:])
    for earlier, later in zip(wish.path[1:], wish.path[2:], strict=False):
        assert f"migrate/{earlier}" in before(plan, f"migrate/{later}")


@given(any_wish)
def test_everything_is_built_checked_and_warm_before_the_outage_begins(wish: RehearsalWish | UpgradeWish) -> None:
    plan = planned(wish)
    for step in plan.steps:
        if step.phase == "outage":
            assert {f"runner/{series}" for series in wish.path[1:]} <= before(plan, step.id)
            assert ("gate" if plan.kind == "upgrade" else f"check/{wish.path[-1]}") in before(plan, step.id)


USES_THE_CONFIGURATION = {
    "census.compare",
    "census.take",
    "database.backup",
    "database.migrate",
    "identity.prove",
    "identity.remember",
    "identity.seed",
    "service.check",
    "service.stopped",
}
USES_THE_RELEASE = {"database.migrate", "identity.prove", "identity.remember", "identity.seed", "service.check"}


@given(any_wish)
def test_what_a_step_uses_is_there_when_it_begins(wish: RehearsalWish | UpgradeWish) -> None:
    plan = planned(wish)
    for step in plan.steps:
        done = before(plan, step.id)
        if step.action in USES_THE_CONFIGURATION:
            assert "configure" in done, step.id
            assert plan.kind == "upgrade" or "scratch" in done, step.id
        if step.action in USES_THE_RELEASE:
            assert f"runner/{step.arguments['series']}" in done, step.id


@given(any_wish)
def test_every_series_of_the_path_and_no_other_is_built_and_only_once(wish: RehearsalWish | UpgradeWish) -> None:
    plan = planned(wish)
    needed = wish.path if plan.kind == "rehearsal" else wish.path[1:]
    assert [step.arguments["series"] for step in plan.steps if step.action == "environment.build"] == list(needed)
    assert [step.arguments["series"] for step in plan.steps if step.action == "runner.warm"] == list(needed)
    assert {step.arguments.get("series", needed[0]) for step in plan.steps} <= set(wish.path)


@given(any_wish)
def test_a_plan_reads_the_same_with_what_earlier_runs_took_and_says_it(wish: RehearsalWish | UpgradeWish) -> None:
    plan = planned(wish)
    took = {step.id: 1.5 for step in plan.steps}
    planner = plan_rehearsal if isinstance(wish, RehearsalWish) else plan_upgrade
    again = planner(wish, took)  # type: ignore[arg-type] # the planner of this kind of wish
    assert [step.model_copy(update={"expected_seconds": None}) for step in again.steps] == list(plan.steps)
    assert again.step(f"migrate/{wish.path[-1]}").expected_seconds == 1.5
    assert again.digest != plan.digest


@given(any_wish)
def test_rows_are_counted_before_the_first_migration_and_after_the_last(wish: RehearsalWish | UpgradeWish) -> None:
    plan = planned(wish)
    assert f"census/{wish.path[0]}" in before(plan, f"migrate/{wish.path[1]}")
    assert f"migrate/{wish.path[-1]}" in before(plan, f"census/{wish.path[-1]}")


@given(upgrade_wishes())
def test_nothing_irreversible_happens_before_the_service_is_stopped_and_backed_up(wish: UpgradeWish) -> None:
    plan = plan_upgrade(wish)
    irreversible = [step for step in plan.steps if not step.reversible]
    assert irreversible
    for step in irreversible:
        assert {"stopped", "backup"} <= before(plan, step.id)
    for unit in wish.units:
        if unit.stop:
            assert f"stop/{unit.name}" in before(plan, "stopped")
        if unit.start:
            assert f"census/{wish.path[-1]}" in before(plan, f"start/{unit.name}")


@given(rehearsal_wishes())
def test_a_rehearsal_changes_nothing_that_cannot_be_thrown_away(wish: RehearsalWish) -> None:
    assert all(step.reversible for step in plan_rehearsal(wish).steps)


@given(any_wish)
def test_the_same_wish_gives_the_same_plan_byte_for_byte(wish: RehearsalWish | UpgradeWish) -> None:
    again = type(wish).model_validate_json(wish.model_dump_json())
    assert planned(wish).to_json() == planned(again).to_json()


@given(any_wish)
def test_a_saved_plan_is_read_back_equal(wish: RehearsalWish | UpgradeWish) -> None:
    plan = planned(wish)
    assert parse(plan.to_json()) == plan


@given(upgrade_wishes(), st.data())
def test_a_plan_that_was_edited_is_refused(wish: UpgradeWish, data: st.DataObject) -> None:
    content = json.loads(plan_upgrade(wish).to_json())
    step = data.draw(st.sampled_from(content["steps"]))
    step["reason"] += " and more"
    with pytest.raises(PlanEdited) as refused:
        parse(json.dumps(content))
    assert refused.value.exit_status == 6


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json", '{"format": 2}'])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(PlanUnreadable):
        parse(text, "plan.json")


@given(upgrade_wishes())
def test_drift_names_each_fact_that_changed(wish: UpgradeWish) -> None:
    plan = plan_upgrade(wish)
    assert plan.drift(plan.facts) == []
    drift = plan.drift({"source": "2099.1", "new": 1})
    assert len(drift) == 2
    assert any("2099.1" in line for line in drift)


def step(step_id: str, *needs: str) -> Step:
    return Step(id=step_id, action="x", target="x", needs=needs, reason="x", phase="prepare")


@pytest.mark.parametrize(
    ("steps", "complaint"),
    [
        ([step("a", "b"), step("b", "a")], "circle"),
        ([step("a", "missing")], "not in the plan"),
        ([step("a"), step("a")], "twice"),
    ],
)
def test_steps_that_cannot_be_ordered_are_refused(steps: list[Step], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        in_order(steps)
