"""Several controllers on one store: any of them may die or be stopped, and every step is done once."""

import os
import signal
from collections import Counter

import pytest
from controller_lives import Controllers, effect, lines, submitted, wait_until
from engine_lives import plan_of

from onward.engine.engine import Engine
from onward.engine.record import RunRecord
from onward.engine.runs import enqueue, events, list_runs, read_run, request
from onward.hosts.state import Directories

RUN = "run-1"


def ended(directories: Directories, run_id: str = RUN) -> RunRecord:
    """The run once it is at rest."""
    wait_until(lambda: read_run(directories, run_id).status in ("done", "failed", "paused", "cancelled"), "it ends")
    return read_run(directories, run_id)


def effects(directories: Directories, run_id: str = RUN) -> Counter[str]:
    return Counter(line.split()[0] for line in lines(directories.workspace(run_id) / "effects"))


def numbers(directories: Directories) -> list[int]:
    return sorted(event.number for record in list_runs(directories) for event in events(directories, record.run_id))


def test_a_run_waits_until_a_controller_takes_it(stored: Directories, controllers: Controllers) -> None:
    submitted(stored, RUN, [effect("a"), effect("b", "a", action="bound"), effect("c", "b", retries=2, fails=2)])
    assert read_run(stored, RUN).status == "waiting"
    controllers.begin()
    record = ended(stored)
    assert record.status == "done"
    assert [each.attempts for each in record.steps] == [1, 1, 3]
    assert effects(stored) == {"a": 1, "b": 1, "c": 1}
    kinds = [event.kind for event in events(stored, RUN)]
    assert kinds[0], kinds[-1] == ("run.started", "run.done")
    assert numbers(stored) == list(range(1, len(kinds) + 1))


@pytest.mark.full
def test_steps_that_may_be_anywhere_are_shared_and_the_others_stay_with_the_leader(
    stored: Directories, controllers: Controllers
) -> None:
    free = [effect(f"f{number}", gate="open") for number in range(8)]
    submitted(stored, RUN, [*free, effect("last", " ".join(each.id for each in free), action="bound")])
    controllers.begin()
    controllers.begin()
    calls = stored.workspace(RUN) / "calls"
    # Each of them has four hands: eight steps that wait at one gate are at two controllers.
    wait_until(lambda: len(lines(calls)) == 8, "all eight have begun")
    assert len({line.split()[1] for line in lines(calls)}) == 2
    (stored.workspace(RUN) / "open").touch()
    assert ended(stored).status == "done"


@pytest.mark.parametrize("who", ["leader", pytest.param("helper", marks=pytest.mark.full)])
def test_what_a_killed_controller_was_doing_is_done_by_another(
    stored: Directories, controllers: Controllers, who: str
) -> None:
    steps = [effect(f"s{number}", gate="open") for number in range(8)]
    submitted(stored, RUN, [*steps, effect("last", " ".join(each.id for each in steps), action="bound")])
    first = controllers.begin()
    calls = stored.workspace(RUN) / "calls"
    wait_until(lambda: len(lines(calls)) == 4, "the first one leads")
    second = controllers.begin()
    wait_until(lambda: len(lines(calls)) == 8, "the second one helps")
    lost, left = (first, second) if who == "leader" else (second, first)
    lost.kill()
    (stored.workspace(RUN) / "open").touch()
    record = ended(stored)
    assert record.status == "done"
    assert set(effects(stored).values()) == {1}
    assert record.controller_pid is None
    taken = [event.data["controller"] for event in events(stored, RUN) if event.kind == "controller.lost"]
    assert bool(taken) == (who == "leader")
    assert left.poll() is None


@pytest.mark.full
def test_a_stopped_controller_is_ended_by_its_guard_before_others_take_over(
    stored: Directories, controllers: Controllers
) -> None:
    submitted(stored, RUN, [effect("a", gate="open"), effect("b", "a", action="bound")])
    stopped = controllers.begin()
    wait_until(lambda: bool(lines(stored.workspace(RUN) / "calls")), "it has begun")
    stopped.send_signal(signal.SIGSTOP)
    controllers.begin()
    assert stopped.wait(60) == -signal.SIGKILL
    (stored.workspace(RUN) / "open").touch()
    assert ended(stored).status == "done"
    assert effects(stored) == {"a": 1, "b": 1}


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, for a namespace of processes that stands for another machine")
def test_a_controller_that_wakes_up_elsewhere_does_no_harm(stored: Directories, controllers: Controllers) -> None:
    submitted(stored, RUN, [effect("a", gate="open"), effect("b", "a")])
    elsewhere = controllers.begin(before=["unshare", "--pid", "--fork", "--kill-child"])
    calls = stored.workspace(RUN) / "calls"
    wait_until(lambda: bool(lines(calls)), "it has begun")
    family = descendants(elsewhere.pid)
    for pid in family:  # its guard as well, as when a whole machine stops
        os.kill(pid, signal.SIGSTOP)
    controllers.begin()
    wait_until(lambda: len(lines(calls)) == 2, "another one has begun the same step")
    (stored.workspace(RUN) / "open").touch()
    for pid in reversed(family):  # the controller before its guard
        os.kill(pid, signal.SIGCONT)
    assert ended(stored).status == "done"
    assert elsewhere.wait(60) != 0
    assert effects(stored) == {"a": 1, "b": 1}


def descendants(pid: int) -> list[int]:
    """Processes below one: the controller first, then what it has started."""
    import psutil

    return [each.pid for each in psutil.Process(pid).children(recursive=True)]


@pytest.mark.full
def test_pause_cancel_and_resume_reach_whichever_controller_has_the_run(
    stored: Directories, controllers: Controllers
) -> None:
    submitted(stored, RUN, [effect("a", gate="open"), effect("b", "a", fails=1), effect("c", "b", gate="last")])
    controllers.begin()
    calls = stored.workspace(RUN) / "calls"
    wait_until(lambda: bool(lines(calls)), "it has begun")
    request(stored, RUN, "pause")
    (stored.workspace(RUN) / "open").touch()
    assert ended(stored).status == "paused"
    assert effects(stored) == {"a": 1}
    assert enqueue(stored, RUN).status in ("waiting", "running")
    wait_until(lambda: read_run(stored, RUN).status == "failed", "it fails")
    enqueue(stored, RUN)
    wait_until(lambda: lines(calls)[-1].startswith("c "), "the failure is forgotten")
    request(stored, RUN, "cancel")
    (stored.workspace(RUN) / "last").touch()
    wait_until(lambda: read_run(stored, RUN).status in ("done", "cancelled"), "it ends")
    assert effects(stored) == {"a": 1, "b": 1, "c": 1}


@pytest.mark.full
def test_one_run_of_a_cloud_at_a_time(stored: Directories, controllers: Controllers) -> None:
    submitted(stored, "first", [effect("a", gate="open")])
    submitted(stored, "second", [effect("a")])
    submitted(stored, "other", [effect("a")], cloud="another")
    controllers.begin()
    controllers.begin()
    assert ended(stored, "other").status == "done"
    assert read_run(stored, "second").status == "waiting"
    (stored.workspace("first") / "open").touch()
    assert ended(stored, "second").status == "done"
    assert numbers(stored) == list(range(1, len(numbers(stored)) + 1))


@pytest.mark.full
def test_a_controller_of_another_version_or_place_leaves_a_run_alone(
    stored: Directories, controllers: Controllers
) -> None:
    foreign = plan_of(effect("a"), cloud="foreign").model_copy(update={"onward_version": "0.0.1"}).sealed()
    Engine(stored, controllers_actions()).create(foreign, "foreign")
    enqueue(stored, "foreign")
    elsewhere = Directories(stored.state / "elsewhere", stored.cache, stored.store).prepared()
    submitted(elsewhere, "elsewhere", [effect("a")], cloud="elsewhere")
    submitted(stored, "ours", [effect("a")], cloud="ours")
    controllers.begin()
    assert ended(stored, "ours").status == "done"
    assert read_run(stored, "foreign").status == "waiting"
    assert read_run(stored, "elsewhere").status == "waiting"


@pytest.mark.full
def test_a_controller_that_is_told_to_end_leaves_its_run_to_the_others(
    stored: Directories, controllers: Controllers
) -> None:
    submitted(stored, RUN, [effect("a", gate="open"), effect("b", "a"), effect("c", "b")])
    first = controllers.begin()
    calls = stored.workspace(RUN) / "calls"
    wait_until(lambda: bool(lines(calls)), "it has begun")
    first.send_signal(signal.SIGTERM)
    (stored.workspace(RUN) / "open").touch()
    assert first.wait(60) == 0
    assert read_run(stored, RUN).status == "waiting"
    controllers.begin()
    assert ended(stored).status == "done"
    assert effects(stored) == {"a": 1, "b": 1, "c": 1}
    assert "controller.lost" not in [event.kind for event in events(stored, RUN)]


def controllers_actions() -> dict[str, object]:
    from controller_lives import actions

    return dict(actions())


@pytest.mark.full
@pytest.mark.parametrize(
    "point", ["run.taken-over", "step.announced", "step.begun", "step.effect-done", "step.recorded", "run.closed"]
)
def test_a_controller_killed_at_any_point_leaves_a_run_that_others_end(
    stored: Directories, controllers: Controllers, point: str
) -> None:
    submitted(stored, RUN, [effect("a"), effect("b", "a", action="bound"), effect("c", "a"), effect("d", "b c")])
    killed = controllers.begin(crash=point)
    assert killed.wait(60) == -signal.SIGKILL
    controllers.begin()
    record = ended(stored)
    assert record.status == "done"
    kinds = Counter((event.kind, event.step_id) for event in events(stored, RUN))
    assert all(kinds["step.done", step] == 1 for step in "abcd")
    assert kinds["run.done", None] == 1
    # Between an effect and its record it happens again: that is what actions are made for.
    again = 2 if point in ("step.effect-done", "step.recorded") else 1
    assert set(effects(stored)) == set("abcd")
    assert max(effects(stored).values()) <= again
    assert numbers(stored) == list(range(1, len(numbers(stored)) + 1))
