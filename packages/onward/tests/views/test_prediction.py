"""The outage to expect, from what a rehearsal measured."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_records import PATH, evidence_of, rehearsal, run_of, upgrade

from onward.plan.prediction import critical_path, predict
from onward.plan.step import Step

PLAN = rehearsal()
EVIDENCE = {step.id: evidence_of(step) for step in PLAN.steps}
seconds = st.floats(0, 1e6)


def test_commands_count_and_what_is_around_them_is_told_apart() -> None:
    measured = {f"migrate/{series}": 1.0 for series in PATH[1:]} | {"census/2024.1": 2.0, "census/2026.2": 3.0}
    found = predict(PLAN, measured, EVIDENCE, between_steps=0.1)
    assert found is not None
    parts = {part.label: part.seconds for part in found.parts}
    assert parts["migration to 2024.2"] == pytest.approx(0.6)
    assert parts["census of the rows, before and after"] == pytest.approx(5.0)
    assert parts["start of the 2026.2 API"] == pytest.approx(1.4)
    assert parts["Onward itself, between and around the commands"] == pytest.approx(5 * 0.4 + 8 * 0.1)
    assert found.outage_seconds == pytest.approx(5 * 0.6 + 5.0 + 1.4 + 2.8)
    assert found.dominates == "census of the rows, before and after"


def test_a_migration_that_was_not_measured_leaves_no_prediction() -> None:
    measured = {f"migrate/{series}": 1.0 for series in PATH[1:-1]}
    assert predict(PLAN, measured, EVIDENCE) is None


def test_what_was_not_measured_is_said() -> None:
    found = predict(PLAN, {f"migrate/{series}": 1.0 for series in PATH[1:]}, {})
    assert found is not None
    notes = "\n".join(found.notes)
    for words in ("draining", "backup", "census", "start of the new API", "demonstration cloud", "SQLite"):
        assert words in notes


def test_code_that_is_imported_by_a_command_of_ones_own_takes_longer() -> None:
    measured = {f"migrate/{series}": 1.0 for series in PATH[1:]}
    for evidence, said in ((EVIDENCE | {"runner/2026.2": {"seconds": 6.7}}, True), ({}, False)):
        found = predict(PLAN, measured, evidence)
        assert found is not None
        assert any("importing the new code" in note and "6.7 s" in note for note in found.notes) == said


def test_a_dump_on_mariadb_assumes_less() -> None:
    plan = rehearsal(demo=False)
    found = predict(plan, {f"migrate/{series}": 1.0 for series in PATH[1:]}, {})
    assert found is not None
    assert not any(words in "\n".join(found.notes) for words in ("demonstration", "SQLite"))


@given(st.dictionaries(st.sampled_from([step.id for step in PLAN.steps]), seconds), st.floats(0, 10))
def test_parts_add_up_to_the_whole(measured: dict[str, float], between: float) -> None:
    measured |= {f"migrate/{series}": 1.0 for series in PATH[1:] if f"migrate/{series}" not in measured}
    found = predict(PLAN, measured, EVIDENCE, between_steps=between)
    assert found is not None
    assert sum(part.seconds for part in found.parts) == pytest.approx(found.outage_seconds)
    assert sum(part.share for part in found.parts) == pytest.approx(1)
    assert found.dominates == max(found.parts, key=lambda part: part.seconds).label


@st.composite
def graphs(draw: st.DrawFn) -> list[Step]:
    steps: list[Step] = []
    for number in range(draw(st.integers(1, 12))):
        needs = draw(st.lists(st.sampled_from([step.id for step in steps]), unique=True)) if steps else []
        steps.append(
            Step(id=f"s{number}", action="a", target="t", needs=tuple(needs), reason="because", phase="prepare")
        )
    return steps


@given(graphs(), st.data())
def test_no_chain_is_longer_than_the_critical_path(steps: list[Step], data: st.DataObject) -> None:
    took = {step.id: float(data.draw(st.integers(0, 100))) for step in steps}
    chain, length = critical_path(steps, took)
    assert sum(took[step.id] for step in chain) == length
    assert all(before.id in after.needs for before, after in pairwise(chain))
    earliest: dict[str, float] = {}
    for step in steps:
        earliest[step.id] = max([0.0, *(earliest[need] for need in step.needs)]) + took[step.id]
    assert length == max(earliest.values())


def test_the_outage_of_an_upgrade_is_not_predicted_from_itself() -> None:
    record = run_of(upgrade())
    measured = {each.step.id: each.seconds or 0.0 for each in record.steps}
    assert predict(record.plan, measured, {}) is None
