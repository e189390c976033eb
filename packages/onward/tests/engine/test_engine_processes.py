"""Several processes and one run: locks, requests, signals, and what can be read from outside."""

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from engine_lives import EXIT, Life, Lives, actions, diamond, plan_of, ran, step, wait_until

from onward.engine.engine import Engine
from onward.engine.runs import events, list_runs, read_run, request
from onward.errors import RunAlreadyEnded, UnknownRun
from onward.hosts.state import Directories
from onward.plan.plan import Plan

RUN = "run-1"
GATED = plan_of(step("a"), step("b", "a", gate="open", resource=True), step("c", "b"))
"""Its second step runs until the test opens the gate."""


@pytest.fixture
def directories(tmp_path: Path) -> Directories:
    return Directories(tmp_path / "state", tmp_path / "cache")


def at_the_gate(lives: Lives, directories: Directories, plan: Plan | None = GATED, run_id: str = RUN) -> Life:
    """A life of a run whose step b is running."""
    before = len(events(directories, run_id)) if plan is None else 0
    life = lives.begin(directories, run_id, plan=plan)
    wait_until(lambda: waits(directories, run_id, before), "the run is at its gate")
    return life


def waits(directories: Directories, run_id: str, before: int) -> bool:
    if all(record.run_id != run_id for record in list_runs(directories)):
        return False
    return any(event.kind == "step.progress" for event in events(directories, run_id)[before:])


def open_the_gate(directories: Directories, run_id: str = RUN) -> None:
    (directories.workspace(run_id) / "open").touch()


def statuses(directories: Directories, run_id: str = RUN) -> dict[str, str]:
    return {each.step.id: each.status for each in read_run(directories, run_id).steps}


def kinds(directories: Directories, run_id: str = RUN) -> list[str]:
    return [event.kind for event in events(directories, run_id)]


def test_a_running_run_is_read_from_another_process(lives: Lives, directories: Directories) -> None:
    life = at_the_gate(lives, directories)
    record = read_run(directories, RUN)
    assert (record.status, record.controller_pid, record.finished) == ("running", life.pid, None)
    assert statuses(directories) == {"a": "done", "b": "running", "c": "waiting"}
    last = events(directories, RUN)[-1]
    assert (last.kind, last.step_id, last.data) == ("step.progress", "b", {"message": "waits for open"})
    open_the_gate(directories)
    assert life.end() == 0
    later = events(directories, RUN, after=last.number)
    assert [event.kind for event in later] == ["step.done", "step.started", "step.done", "run.done"]
    assert read_run(directories, RUN).controller_pid is None


def test_a_killed_run_is_interrupted_even_while_its_process_is_a_zombie(lives: Lives, directories: Directories) -> None:
    life = at_the_gate(lives, directories)
    life.signal(signal.SIGKILL)
    # Nobody has asked for its exit status yet, so that the kernel still keeps the process.
    wait_until(lambda: read_run(directories, RUN).status == "interrupted", "the run is known to be interrupted")
    assert Path(f"/proc/{life.pid}").exists()
    assert read_run(directories, RUN).controller_pid is None
    assert life.killed()


def test_of_two_runs_of_a_cloud_one_is_refused_and_told_of_the_other(lives: Lives, directories: Directories) -> None:
    first = at_the_gate(lives, directories)
    second = lives.live(directories, "run-2", plan=diamond())
    assert second.end() == 6
    error = second.error()
    assert error["code"] == "OW501"
    assert RUN in error["evidence"]
    assert str(first.pid) in error["evidence"]
    assert read_run(directories, "run-2").status == "waiting"
    assert events(directories, "run-2") == []
    open_the_gate(directories)
    assert first.end() == 0
    assert lives.live(directories, "run-2").end() == 0


def test_of_two_processes_that_execute_one_run_one_is_refused(lives: Lives, directories: Directories) -> None:
    first = at_the_gate(lives, directories)
    assert lives.live(directories, RUN).error()["code"] == "OW501"
    open_the_gate(directories)
    assert first.end() == 0
    assert ran(directories.workspace(RUN), "b") == 1


def test_two_processes_that_begin_one_run_together_bring_it_to_one_end(lives: Lives, directories: Directories) -> None:
    for number in range(4):
        run_id = f"run-{number}"
        Engine(directories, actions()).create(diamond(), run_id)
        ends = sorted(life.end() for life in [lives.begin(directories, run_id) for _ in range(2)])
        assert ends in ([0, 4], [0, 6]), "one does it; the other finds it locked, or ended"
        assert kinds(directories, run_id).count("run.done") == 1
        assert kinds(directories, run_id).count("step.started") == len(diamond().steps)


def test_a_run_that_is_cancelled_while_it_begins_is_not_touched(lives: Lives, directories: Directories) -> None:
    """Between its first look at the run and its first word about it, a process launches DBOS."""
    for number in range(20):
        run_id = f"run-{number}"
        Engine(directories, actions()).create(diamond(), run_id)
        life = lives.begin(directories, run_id)
        wait_until(lambda pid=life.pid: holds_a_lock(directories, pid), "it holds the lock")  # type: ignore[misc]
        life.signal(signal.SIGSTOP)
        caught = events(directories, run_id) == []
        request(directories, run_id, "cancel")
        life.signal(signal.SIGCONT)
        if caught:
            assert life.error()["code"] == "OW504"
            assert kinds(directories, run_id) == ["run.cancelled"]
            return
        life.end()
    raise AssertionError("the process was never caught while it began")


def holds_a_lock(directories: Directories, pid: int) -> bool:
    return any(f'"pid": {pid},' in path.read_text() for path in (directories.state / "locks").glob("*"))


def test_a_killed_holder_holds_nothing(lives: Lives, directories: Directories) -> None:
    first = at_the_gate(lives, directories)
    first.signal(signal.SIGKILL)
    assert first.killed()
    assert lives.live(directories, "run-2", plan=diamond()).end() == 0


def test_clouds_with_names_that_look_alike_do_not_lock_each_other(lives: Lives, directories: Directories) -> None:
    first = at_the_gate(lives, directories)
    for number, cloud in enumerate(("Cloud", "cloud.", "..", "a/b", "a_b", "")):
        assert lives.live(directories, f"other-{number}", plan=plan_of(step("a"), cloud=cloud)).end() == 0
    open_the_gate(directories)
    assert first.end() == 0


def test_two_clouds_begin_at_once_in_a_new_state_directory(lives: Lives, directories: Directories) -> None:
    both = [lives.begin(directories, f"run-{cloud}", plan=diamond(cloud)) for cloud in ("north", "south")]
    assert [life.end() for life in both] == [0, 0]
    assert [life.output() for life in both] == ["", ""]
    numbers = [event.number for run in ("run-north", "run-south") for event in events(directories, run)]
    assert len(numbers) == len(set(numbers))


def test_paused_by_another_process_and_resumed(lives: Lives, directories: Directories) -> None:
    life = at_the_gate(lives, directories)
    assert request(directories, RUN, "pause").status == "running"
    open_the_gate(directories)
    assert life.end() == EXIT["paused"]
    assert read_run(directories, RUN).status == "paused"
    assert statuses(directories) == {"a": "done", "b": "done", "c": "waiting"}
    assert lives.live(directories, RUN).end() == 0
    assert kinds(directories)[-4:] == ["run.resumed", "step.started", "step.done", "run.done"]
    assert [ran(directories.workspace(RUN), each) for each in "abc"] == [1, 1, 1]


def test_cancelled_by_another_process_for_good(lives: Lives, directories: Directories) -> None:
    life = at_the_gate(lives, directories)
    request(directories, RUN, "cancel")
    request(directories, RUN, "pause")  # the weaker wish does not take the stronger one back
    open_the_gate(directories)
    assert life.end() == EXIT["cancelled"]
    assert read_run(directories, RUN).status == "cancelled"
    assert lives.live(directories, RUN).error()["code"] == "OW504"
    with pytest.raises(RunAlreadyEnded):
        request(directories, RUN, "cancel")


def test_a_cancel_that_was_accepted_holds_when_the_process_dies_before_it_obeys(
    lives: Lives, directories: Directories
) -> None:
    life = at_the_gate(lives, directories)
    request(directories, RUN, "cancel")
    life.signal(signal.SIGKILL)
    assert life.killed()
    assert read_run(directories, RUN).status == "cancelled"
    assert lives.live(directories, RUN).error()["code"] == "OW504"


@pytest.mark.parametrize("wanted", ["pause", "cancel"])
def test_a_request_to_a_run_without_a_process_is_done_at_once(
    wanted: str, lives: Lives, directories: Directories
) -> None:
    life = at_the_gate(lives, directories)
    life.signal(signal.SIGKILL)
    assert life.killed()
    status = {"pause": "paused", "cancel": "cancelled"}[wanted]
    assert request(directories, RUN, wanted).status == status  # type: ignore[arg-type]
    assert kinds(directories)[-1] == f"run.{status}"


def test_a_failed_run_stays_failed_when_it_is_asked_to_pause_and_can_be_cancelled(
    lives: Lives, directories: Directories
) -> None:
    assert lives.live(directories, RUN, plan=plan_of(step("a", fails=9))).end() == 1
    assert request(directories, RUN, "pause").status == "failed"
    assert request(directories, RUN, "cancel").status == "cancelled"


def test_ctrl_c_lets_the_running_step_finish(lives: Lives, directories: Directories) -> None:
    life = at_the_gate(lives, directories)
    life.signal(signal.SIGINT)
    open_the_gate(directories)
    assert life.end() == EXIT["paused"]
    assert statuses(directories) == {"a": "done", "b": "done", "c": "waiting"}
    assert (directories.workspace(RUN) / "resource-left").exists()
    assert lives.live(directories, RUN).end() == 0


@pytest.mark.parametrize("signals", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,)], ids=["ctrl-c-twice", "term"])
def test_a_second_ctrl_c_and_a_termination_end_the_running_step(
    signals: tuple[signal.Signals, ...], lives: Lives, directories: Directories
) -> None:
    directories.prepared()
    plan = plan_of(step("a", resource=True), step("b", "a", gate="open", retries=3), step("c", "b"))
    life = at_the_gate(lives, directories, plan)
    for number in signals:
        life.signal(number)
        # The kernel keeps a signal only once until it is delivered.
        wait_until(lambda: not pending(life.pid), "the signal is delivered")
    assert life.end() == EXIT["paused"]
    assert (directories.workspace(RUN) / "resource-left").exists()
    assert statuses(directories) == {"a": "done", "b": "waiting", "c": "waiting"}
    assert kinds(directories)[-2:] == ["step.aborted", "run.paused"]
    assert read_run(directories, RUN).failures == ()
    open_the_gate(directories)
    assert lives.live(directories, RUN).end() == 0
    assert ran(directories.workspace(RUN), "a") == 1


def pending(pid: int) -> bool:
    """Whether a signal waits to be delivered to the process."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return False
    return any(line.startswith("ShdPnd:") and int(line.split()[1], 16) for line in lines)


def test_nothing_is_written_to_the_terminal_and_nobody_is_called(lives: Lives, directories: Directories) -> None:
    life = lives.live(directories, RUN, plan=diamond())
    assert life.end() == 0
    assert life.output() == ""


def test_a_process_of_its_own_executes_and_ends(directories: Directories) -> None:
    program = """
import sys
from pathlib import Path
from engine_lives import actions, diamond
from onward.engine.engine import Engine
from onward.hosts.state import Directories
engine = Engine(Directories(Path(sys.argv[1]), Path(sys.argv[2])), actions())
with engine.signals():
    print(engine.execute(engine.create(diamond())).status)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, str(directories.state), str(directories.cache)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")


def test_reading_runs_does_not_load_dbos() -> None:
    program = "import sys, json, onward.engine.runs, onward.engine.engine; print(json.dumps('dbos' in sys.modules))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) is False


def test_a_run_that_nobody_knows(directories: Directories) -> None:
    assert list_runs(directories) == []
    for ask in (read_run, events, lambda where, run: request(where, run, "cancel")):
        with pytest.raises(UnknownRun):
            ask(directories, "no-such-run")  # type: ignore[operator]
    assert not directories.state.exists(), "reading made something"


def test_the_journal_is_durable_and_private(lives: Lives, directories: Directories) -> None:
    assert lives.live(directories, RUN, plan=diamond()).end() == 0
    assert stat.S_IMODE(directories.state.stat().st_mode) == 0o700
    assert stat.S_IMODE(directories.workspace(RUN).stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directories.state.glob("journal*")} == {0o600}
    connection = sqlite3.connect(directories.journal)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
