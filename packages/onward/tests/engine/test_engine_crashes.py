"""A run that is killed with SIGKILL, wherever that happens, ends like one that was left in peace."""

import random
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from engine_lives import NEEDS, Lives, diamond, plan_of, step

from onward.engine.crash import CRASH_POINTS, RESUME_POINTS
from onward.engine.record import Event, RunRecord
from onward.engine.runs import events, list_runs, read_run
from onward.hosts.state import Directories
from onward.plan.plan import Plan

RUN = "run-1"
STEP_POINTS = [point for point in (*CRASH_POINTS, "work.half") if not point.startswith("run.")]
RUN_POINTS = [point for point in CRASH_POINTS if point.startswith("run.")]
EVERYWHERE = [*RUN_POINTS, *(f"{point}#{number}" for point in STEP_POINTS for number in range(1, len(NEEDS) + 1))]
INSTANTS = 50


@pytest.fixture(scope="module")
def empty_state(lives: Lives, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory in which another cloud's run has ended, so that DBOS's tables need not be made 70 times."""
    state = tmp_path_factory.mktemp("empty") / "state"
    assert lives.live(Directories(state, state), "earlier", plan=plan_of(step("a"), cloud="other")).end() == 0
    return state


@pytest.fixture
def fresh(empty_state: Path, tmp_path: Path) -> Callable[[], Directories]:
    """State directories without a run of the cloud."""
    count = iter(range(1_000))

    def another() -> Directories:
        state = tmp_path / f"state-{next(count)}"
        shutil.copytree(empty_state, state)
        return Directories(state, tmp_path / "cache")

    return another


@pytest.fixture(scope="module")
def undisturbed(lives: Lives, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    directories = Directories(tmp_path_factory.mktemp("undisturbed") / "state", tmp_path_factory.mktemp("cache"))
    assert lives.live(directories, RUN, plan=diamond()).end() == 0
    assert began(directories) == Counter(dict.fromkeys(NEEDS, 1))
    return end_state(directories)


def end_state(directories: Directories) -> dict[str, object]:
    """All that a run leaves, without times."""
    record = read_run(directories, RUN)
    return {
        "status": record.status,
        "steps": {each.step.id: (each.status, each.evidence, each.error) for each in record.steps},
        "files": {
            path.name: path.read_text() for path in directories.workspace(RUN).iterdir() if path.suffix != ".half"
        }
        | {"log": ""},
        "controller": record.controller_pid,
    }


def began(directories: Directories) -> Counter[str]:
    """How often the action of each step was begun."""
    log = directories.workspace(RUN) / "log"
    return Counter(log.read_text().split() if log.exists() else ())


def recorded_as_done(directories: Directories) -> set[str]:
    """Steps that are done for good, by DBOS's own table."""
    connection = sqlite3.connect(directories.journal)
    try:
        rows = connection.execute(
            "SELECT workflow_uuid FROM workflow_status WHERE status = 'SUCCESS' AND workflow_uuid LIKE ?", (f"{RUN}/%",)
        ).fetchall()
    finally:
        connection.close()
    return {row[0].split("/")[1] for row in rows}


def check_the_end(
    directories: Directories, undisturbed: dict[str, object], done: set[str], before: Counter[str], told: list[Event]
) -> None:
    """The run, killed when ``done``, ``before`` and ``told`` were so, has ended as if nothing had been."""
    assert end_state(directories) == undisturbed
    check_not_again(directories, done, before)
    history = events(directories, RUN)
    numbers = [event.number for event in history]
    assert numbers == sorted(set(numbers))
    assert history[: len(told)] == told
    assert Counter(event.step_id for event in history if event.kind == "step.done") == Counter(NEEDS.keys())
    check_order(read_run(directories, RUN))


def check_not_again(directories: Directories, done: set[str], before: Counter[str]) -> None:
    """Steps that were ``done`` have not been begun again since they had been begun as often as ``before`` says."""
    now = began(directories)
    assert {each: now[each] for each in done} == {each: before[each] for each in done}, "a completed step ran twice"


def check_order(record: RunRecord) -> None:
    for each in record.steps:
        assert each.started is not None
        assert each.finished is not None
        assert each.started <= each.finished
        for need in each.step.needs:
            finished = record.step(need).finished
            assert finished is not None
            assert finished <= each.started, f"{each.step.id} began before {need} was done"


@pytest.mark.parametrize("point", EVERYWHERE)
def test_killed_at_any_crash_point_a_resumed_run_ends_like_an_undisturbed_one(
    point: str, lives: Lives, fresh: Callable[[], Directories], undisturbed: dict[str, object]
) -> None:
    directories = fresh()
    assert lives.live(directories, RUN, plan=diamond(), crash=point).killed()
    done, before, told = recorded_as_done(directories), began(directories), events(directories, RUN)
    if point == "run.finished":
        assert read_run(directories, RUN).status == "done"
        assert lives.live(directories, RUN).error()["code"] == "OW504"
    else:
        assert read_run(directories, RUN).status == ("interrupted" if told else "waiting")
        assert lives.live(directories, RUN).end() == 0
    check_the_end(directories, undisturbed, done, before, told)


@pytest.mark.parametrize(
    ("first", "second"), [("step.effect-done#4", RESUME_POINTS[0]), ("step.recorded#4", RESUME_POINTS[1])]
)
def test_killed_again_while_it_takes_over(
    first: str, second: str, lives: Lives, fresh: Callable[[], Directories], undisturbed: dict[str, object]
) -> None:
    directories = fresh()
    assert lives.live(directories, RUN, plan=diamond(), crash=first).killed()
    assert lives.live(directories, RUN, crash=second).killed()
    done, before, told = recorded_as_done(directories), began(directories), events(directories, RUN)
    assert lives.live(directories, RUN).end() == 0
    check_the_end(directories, undisturbed, done, before, told)


def test_a_run_that_is_killed_after_each_single_step_still_ends(
    lives: Lives, fresh: Callable[[], Directories], undisturbed: dict[str, object]
) -> None:
    directories = fresh()
    plan: Plan | None = diamond()
    for _ in NEEDS:
        life = lives.live(directories, RUN, plan=plan, crash="step.told")
        plan = None
        if not life.killed():
            break
    done, before, told = recorded_as_done(directories), began(directories), events(directories, RUN)
    if read_run(directories, RUN).status != "done":
        assert lives.live(directories, RUN).end() == 0
    check_the_end(directories, undisturbed, done, before, told)


def test_killed_at_fifty_random_instants(
    lives: Lives, fresh: Callable[[], Directories], undisturbed: dict[str, object]
) -> None:
    chance = random.Random(20261124)  # noqa: S311 - reproducible, and no secret
    began_at, directories = time.time(), fresh()
    assert lives.live(directories, RUN, plan=diamond()).end() == 0
    # From the process's begin to the last word about the run; what comes then is only leaving.
    longest = events(directories, RUN)[-1].at - began_at
    killed = 0
    while killed < INSTANTS:
        directories = fresh()
        done: set[str] = set()
        before: Counter[str] = Counter()
        told: list[Event] = []
        while killed < INSTANTS:
            life = lives.begin(directories, RUN, plan=None if exists(directories) else diamond())
            time.sleep(chance.uniform(0, longest))  # the instant itself is what is tried
            life.signal(signal.SIGKILL)
            if not life.killed():
                assert life.end() == 0
                break
            killed += 1
            if not exists(directories):
                continue
            check_not_again(directories, done, before)
            done, before, told = recorded_as_done(directories), began(directories), events(directories, RUN)
            if read_run(directories, RUN).status == "done":
                break
        if not exists(directories) or read_run(directories, RUN).status != "done":
            assert lives.live(directories, RUN, plan=None if exists(directories) else diamond()).end() == 0
        check_the_end(directories, undisturbed, done, before, told)


def exists(directories: Directories) -> bool:
    return any(record.run_id == RUN for record in list_runs(directories))


def test_a_step_that_was_recorded_but_not_told_keeps_the_time_of_its_record(
    lives: Lives, fresh: Callable[[], Directories]
) -> None:
    directories = fresh()
    assert lives.live(directories, RUN, plan=plan_of(step("a"), step("b", "a")), crash="step.recorded").killed()
    killed_at = time.time()
    assert lives.live(directories, RUN).end() == 0
    finished = read_run(directories, RUN).step("a").finished
    assert finished is not None
    assert finished <= killed_at
