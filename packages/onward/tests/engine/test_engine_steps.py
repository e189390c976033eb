"""What becomes of steps: retries, failures, limits, evidence, secrets."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from engine_lives import Work, diamond, plan_of, ran, step, wait_until

from onward.engine.action import Evidence, StepContext, by_name
from onward.engine.engine import Engine
from onward.engine.record import Event, RunRecord
from onward.engine.runs import events, read_run
from onward.errors import RunAlreadyEnded, RunOfAnotherVersion, StepFailed
from onward.hosts.state import Directories
from onward.plan.plan import Plan

SECRET = 'p@ss \\word\'"1"'
QUOTED = "p%40ss%20%5Cword%27%221%22"


class Calling:
    """An action that calls a function of the test."""

    name = "work"

    def __init__(self, function: Callable[[StepContext], Any]) -> None:
        self.apply = function


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    return Directories(tmp_path / "state", tmp_path / "cache")


def run(
    directories: Directories,
    plan: Plan,
    function: Callable[[StepContext], Any] | None = None,
    watch: Callable[[Event], None] | None = None,
) -> RunRecord:
    engine = Engine(directories, by_name([Calling(function) if function else Work()]), watch)
    return engine.execute(engine.create(plan))


def world(directories: Directories, record: RunRecord) -> Path:
    return directories.workspace(record.run_id)


def test_a_step_is_retried_as_often_as_it_says_and_no_more(directories: Directories) -> None:
    plan = plan_of(step("a", fails=2, retries=2), step("b", "a", fails=1), step("c", "b"))
    record = run(directories, plan)
    assert record.status == "failed"
    assert [(each.status, each.attempts) for each in record.steps] == [("done", 3), ("failed", 1), ("waiting", 0)]
    kinds = [(event.kind, event.step_id) for event in events(directories, record.run_id)]
    assert kinds.count(("step.retried", "a")) == 2
    assert kinds.count(("step.retried", "b")) == 0
    assert ran(world(directories, record), "a") == 3


def test_after_a_failure_running_steps_finish_nothing_begins_and_a_resume_goes_on(directories: Directories) -> None:
    failed = threading.Event()
    mended = threading.Event()

    def function(context: StepContext) -> Evidence:
        if context.step.id == "bad" and not mended.is_set():
            failed.set()
            raise StepFailed("the disk is full", evidence="0 bytes free", next_command="make room")
        if context.step.id == "long":
            assert failed.wait(60)
            wait_until(lambda: read_run(directories, context.run_id).step("bad").status == "failed", "it is told")
        return {}

    plan = plan_of(step("bad"), step("long"), step("after-bad", "bad"), step("after-long", "long"))
    engine = Engine(directories, by_name([Calling(function)]))
    record = engine.execute(engine.create(plan))
    assert record.status == "failed"
    assert {each.step.id: each.status for each in record.steps} == {
        "bad": "failed",
        "long": "done",
        "after-bad": "waiting",
        "after-long": "waiting",
    }
    assert record.failures[0].error is not None
    assert record.failures[0].error["evidence"] == "0 bytes free"
    mended.set()
    record = engine.execute(record.run_id)
    assert record.status == "done"
    assert {each.step.id: each.attempts for each in record.steps} == {
        "bad": 2,
        "long": 1,
        "after-bad": 1,
        "after-long": 1,
    }
    with pytest.raises(RunAlreadyEnded):
        engine.execute(record.run_id)


def test_limits_are_never_exceeded(directories: Directories) -> None:
    lock = threading.Lock()
    busy: dict[str | None, int] = {}
    most: dict[str | None, int] = {}

    def function(context: StepContext) -> Evidence:
        pools = {context.step.pool, "all"}
        with lock:
            for pool in pools:
                busy[pool] = busy.get(pool, 0) + 1
                most[pool] = max(most.get(pool, 0), busy[pool])
        time.sleep(0.02)  # work that takes a while, so that steps would overlap if they could
        with lock:
            for pool in pools:
                busy[pool] -= 1
        return {}

    pools = ["one", "two", None]
    limits = {"one": 1, "two": 2}
    plan = plan_of(*(step(f"s{number}", pool=pools[number % 3]) for number in range(24)), limits=limits)
    assert run(directories, plan, function).status == "done"
    assert most["one"] == 1
    assert most["two"] <= 2
    assert most["all"] <= 4


@pytest.mark.parametrize(("together", "limits"), [(4, {}), (2, {"lane": 2})], ids=["overall", "pool"])
def test_limits_are_used(together: int, limits: dict[str, int], directories: Directories) -> None:
    """Each step waits until as many as may run at once do run at once."""
    meeting = threading.Barrier(together)

    def function(_: StepContext) -> Evidence:
        meeting.wait(60)
        return {}

    plan = plan_of(*(step(f"s{number}", pool="lane") for number in range(2 * together)), limits=limits)
    assert run(directories, plan, function).status == "done"


def test_steps_begin_in_the_order_of_the_plan(directories: Directories) -> None:
    record = run(directories, plan_of(*(step(name, pool="lane") for name in ("z", "a", "m")), limits={"lane": 1}))
    begun = [event.step_id for event in events(directories, record.run_id) if event.kind == "step.started"]
    assert begun == ["z", "a", "m"]


def test_the_results_of_all_finished_steps_are_at_hand(directories: Directories) -> None:
    record = run(directories, diamond())
    for each in record.steps:
        assert each.evidence is not None
        assert each.evidence["before"] == [(record.step(need).evidence or {})["text"] for need in each.step.needs]


@pytest.mark.parametrize("evidence", [{"path": Path("/")}, {"number": float("nan")}, None, ["text"]], ids=str)
def test_evidence_that_is_no_json_fails_its_step(evidence: object, directories: Directories) -> None:
    record = run(directories, plan_of(step("a")), lambda _: evidence)
    assert record.status == "failed"
    assert record.failures[0].error is not None
    assert record.failures[0].error["code"] == "OW999"


@pytest.mark.parametrize("error", [ZeroDivisionError("seven"), SystemExit(0)], ids=repr)
def test_what_nobody_foresaw_is_a_bug_with_its_traceback_in_the_runs_directory(
    error: BaseException, directories: Directories
) -> None:
    def function(_: StepContext) -> Evidence:
        raise error

    record = run(directories, plan_of(step("group/a")), function)
    told = record.failures[0].error
    assert told is not None
    assert told["code"] == "OW999"
    assert "Traceback" not in str([event.data for event in events(directories, record.run_id)])
    path = Path(told["evidence"].rpartition(" ")[2])
    assert path.is_relative_to(world(directories, record))
    assert path.stat().st_mode & 0o077 == 0
    assert "in function" in path.read_text()


@pytest.mark.parametrize("end", ["evidence", "error", "bug"])
def test_a_registered_secret_is_in_no_file(end: str, directories: Directories) -> None:
    told: list[Event] = []

    def function(context: StepContext) -> Evidence:
        context.secrets.register(SECRET)
        context.progress(f"connects with {SECRET}")
        url = f"mysql://root:{QUOTED}@db"
        if end == "error":
            raise StepFailed(f"no {SECRET}", evidence=url, state=SECRET, next_command=f"try {SECRET}")
        if end == "bug":
            raise ValueError(SECRET, url)
        return {"url": url, SECRET: [{"deep": f"in {SECRET}!"}]}

    record = run(directories, plan_of(step("a", retries=1)), function, told.append)
    assert record.status == ("done" if end == "evidence" else "failed")
    assert told[-1].kind == f"run.{record.status}"
    written = b"".join(path.read_bytes() for path in directories.state.rglob("*") if path.is_file())
    for form in (SECRET, QUOTED, repr(SECRET)[1:-1], json.dumps(SECRET)[1:-1]):
        assert form.encode() not in written
        assert form not in repr(told)
    assert b"***" in written
    if end == "evidence":
        assert record.step("a").evidence == {"url": "mysql://root:***@db", "***": [{"deep": "in ***!"}]}


def test_a_watcher_hears_every_event_in_order(directories: Directories) -> None:
    told: list[Event] = []
    record = run(directories, diamond(), watch=told.append)
    assert told == events(directories, record.run_id)


def test_a_watcher_that_fails_stops_nothing(directories: Directories) -> None:
    def watch(_: Event) -> None:
        raise BrokenPipeError

    record = run(directories, diamond(), watch=watch)
    assert record.status == "done"
    assert "BrokenPipeError" in (world(directories, record) / "logs/watch.traceback").read_text()


def test_a_resource_is_shared_and_left_also_after_a_failure(directories: Directories) -> None:
    plan = plan_of(step("a", resource=True), step("b", "a", resource=True, fails=1))
    record = run(directories, plan)
    assert record.status == "failed"
    assert (world(directories, record) / "resource-left").exists()


def test_a_resource_that_cannot_be_left_does_not_undo_the_run(directories: Directories) -> None:
    class Clinging(nullcontext[None]):
        def __exit__(self, *_: object) -> None:
            raise OSError("still busy")

    def function(context: StepContext) -> Evidence:
        context.session.use("clinging", Clinging)
        return {}

    record = run(directories, plan_of(step("a")), function)
    assert record.status == "done"
    assert "still busy" in events(directories, record.run_id)[-1].data["left_open"]


def test_an_engine_that_was_stopped_goes_on_when_it_is_asked_to(directories: Directories) -> None:
    engine = Engine(directories, by_name([Work()]))
    run_id = engine.create(diamond())
    engine.stop()
    assert engine.execute(run_id).status == "paused"
    assert engine.execute(run_id).status == "done"


def test_a_run_of_another_version_is_not_touched(directories: Directories) -> None:
    engine = Engine(directories, by_name([Work()]))
    run_id = engine.create(diamond().model_copy(update={"onward_version": "0.0.1"}).sealed())
    with pytest.raises(RunOfAnotherVersion):
        engine.execute(run_id)
    assert events(directories, run_id) == []


@pytest.mark.parametrize(
    ("plan", "run_id"),
    [
        (plan_of(step("a", "b"), step("b", "a")), None),
        (plan_of(step("a", "gone")), None),
        (plan_of(step("a").model_copy(update={"action": "gone"})), None),
        (plan_of(step("a", pool="p"), limits={"p": 0}), None),
        (plan_of(step("a")), "../elsewhere"),
        (plan_of(step("a")), "taken"),
    ],
    ids=["circle", "need", "action", "limit", "path", "twice"],
)
def test_a_run_that_could_never_work_is_not_created(plan: Plan, run_id: str | None, directories: Directories) -> None:
    engine = Engine(directories, by_name([Work()]))
    engine.create(diamond(), "taken")
    with pytest.raises(ValueError, match=r"circle|gone|pool|called"):
        engine.create(plan, run_id)
