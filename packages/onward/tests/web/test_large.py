"""The page of a run with very many steps stays small, and shows what somebody has to see."""

from dataclasses import replace

from run_records import upgrade

from onward.engine.record import RunRecord, StepRecord, StepStatus
from onward.plan.step import Step
from onward.web.runs import MOST_BESIDE, MOST_STEPS, steps_worth_seeing

STEP = upgrade().steps[0].model_copy(update={"phase": "deploy", "needs": ()})


def run_of(*statuses: StepStatus) -> RunRecord:
    steps: list[StepRecord] = []
    for number, status in enumerate(statuses):
        step: Step = STEP.model_copy(update={"id": f"start/{number}"})
        ended = float(number) if status in ("done", "failed") else None
        steps.append(StepRecord(step, status, 0.0 if status != "waiting" else None, ended))
    return replace(RunRecord("run", upgrade(), "running", 0.0, None, ()), steps=tuple(steps))


def test_of_few_steps_all_are_shown() -> None:
    record = run_of(*(["done"] * (MOST_STEPS - 1)), "running")
    shown, left_out = steps_worth_seeing(record, "deploy")
    assert (len(shown), left_out) == (MOST_STEPS, 0)
    assert steps_worth_seeing(record, "outage") == ([], 0)


def test_of_many_those_at_work_and_those_that_failed_are_shown_in_their_order() -> None:
    record = run_of("failed", *(["done"] * 3000), "running", *(["waiting"] * 5000), "running")
    shown, left_out = steps_worth_seeing(record, "deploy")
    names = [each.step.id for each in shown]
    assert names == sorted(names, key=lambda name: int(name.partition("/")[2]))
    assert [each.step.id for each in shown if each.status in ("running", "failed")] == [
        "start/0",
        "start/3001",
        "start/8002",
    ]
    assert f"start/{3000 - MOST_BESIDE + 1}" in names
    assert f"start/{3001 + MOST_BESIDE}" in names
    assert len(shown) + left_out == 8003
    assert len(shown) < 100
