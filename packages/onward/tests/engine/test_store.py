"""The journal on both back ends, and the store as a user meets it."""

import json
import multiprocessing
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from controller_lives import effect, submitted, wait_until
from engine_lives import diamond, plan_of
from postgres_server import PASSWORD

from onward.actions.registry import all_actions
from onward.commands.main import run
from onward.engine.engine import Engine
from onward.engine.journal import Journal
from onward.engine.runs import enqueue, read_run
from onward.engine.shared.ledger import Ledger, Watch
from onward.errors import LeaseLost, StoreOfAnotherFormat
from onward.hosts.fence import Fence, now
from onward.hosts.state import Directories
from onward.model.store import StoreAddress
from onward.plan.step import Step

WRITERS, EVENTS = 4, 60


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | StoreAddress:
    """Where a journal is: a file, or a database of its own."""
    if request.param == "sqlite":
        return tmp_path / "journal.sqlite"
    found: Directories = request.getfixturevalue("stored")
    assert found.store
    return found.store


def tell(place: Path | StoreAddress, run_id: str) -> None:
    with Journal(place) as journal:
        for number in range(EVENTS):
            if number % 10 == 0:
                # What is undone leaves no gap.
                with suppress(ZeroDivisionError), journal.transaction():
                    journal.tell(run_id, "step.progress", "a")
                    raise ZeroDivisionError
            journal.tell(run_id, "step.progress", "a", {"number": number, "text": "ä % ? ' \\"})


def test_events_have_numbers_without_gap_or_duplicate_whoever_writes(place: Path | StoreAddress) -> None:
    with Journal(place) as journal:
        journal.add_run("first", diamond().to_json())
        with pytest.raises(ValueError, match="first already"):
            journal.add_run("first", diamond().to_json())
        writers = [multiprocessing.Process(target=tell, args=(place, "first")) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        seen: list[int] = []
        at_work = True
        while at_work:
            # Looked at before the events are read, so that those of the last one are read as well.
            at_work = any(writer.is_alive() for writer in writers)
            seen += [event.number for event in journal.events("first", after=seen[-1] if seen else 0)]
        # Whoever reads while others write, and goes on after the last number, misses none.
        assert seen == list(range(1, WRITERS * EVENTS + 1))
        assert journal.events("first")[0].data["text"] == "ä % ? ' \\"
    assert all(writer.exitcode == 0 for writer in writers)


def test_a_request_to_cancel_is_not_weakened(place: Path | StoreAddress) -> None:
    with Journal(place) as journal:
        journal.add_run("first", diamond().to_json())
        journal.ask("first", "pause")
        journal.ask("first", "cancel")
        journal.ask("first", "pause")
        assert journal.asked("first") == "cancel"
        journal.remove_unbegun_run("first")
        assert journal.run_ids() == []


def registered(store: StoreAddress, lease: float) -> int:
    """A controller that never renews its lease."""
    with Journal(store) as journal:
        rows = journal.database.execute(
            "INSERT INTO onward_controllers"
            " (token, host, pid, process, onward_version, site, began, lease, beat, beat_at)"
            " VALUES (nextval('onward_tokens'), 'elsewhere', 1, 'boot/1 pid:[1]', 'v', 's', 0, ?, 0, clock_timestamp())"
            " RETURNING token",
            (lease,),
        )
    return int(rows[0][0])


def test_what_a_lost_controller_wants_to_record_is_refused(stored: Directories) -> None:
    assert stored.store
    submitted(stored, "run-1", [effect("a"), effect("b")])
    lost, other = registered(stored.store, 0.2), registered(stored.store, 60)
    with Journal(stored.store) as first, Journal(stored.store) as second:
        sleeper, waker = Ledger(first, lost, "s"), Ledger(second, other, "s")
        with sleeper.transaction():
            sleeper.begin("run-1", "a", 1, first.tell("run-1", "step.started", "a").number)
        watch = Watch()
        wait_until(lambda: any(each.token == lost for each in watch.lost(waker.controllers())), "its lease runs out")
        found = next(each for each in waker.controllers() if each.token == lost)
        assert waker.take_from(found)
        assert not waker.take_from(found)
        with waker.transaction():
            waker.begin("run-1", "a", 2, second.tell("run-1", "step.started", "a").number)
        with pytest.raises(LeaseLost), sleeper.transaction():
            raise AssertionError("it was let in")
        with pytest.raises(LeaseLost), first.transaction():
            sleeper.end("run-1", "a", 1, "done", first.tell("run-1", "step.done", "a").number, {})
        with pytest.raises(LeaseLost), first.transaction():
            sleeper.end("run-1", "a", 2, "done", first.tell("run-1", "step.done", "a").number, {})
        assert [event.kind for event in second.events("run-1")] == ["step.started", "step.aborted", "step.started"]
        assert [(each.number, each.state) for each in waker.changes("run-1", 0)] == [(1, "given-up"), (2, "open")]


def test_a_controller_that_renews_its_lease_is_not_taken_for_dead(stored: Directories) -> None:
    assert stored.store
    alive, watching = registered(stored.store, 0.2), registered(stored.store, 60)
    with Journal(stored.store) as journal:
        ledger, watch = Ledger(journal, watching, "s"), Watch()
        until = time.monotonic() + 1
        while time.monotonic() < until:
            journal.database.execute("UPDATE onward_controllers SET beat = beat + 1 WHERE token = ?", (alive,))
            assert watch.lost(ledger.controllers()) == []


def test_nothing_is_changed_without_a_lease_or_in_an_old_term(tmp_path: Path) -> None:
    fence, later = Fence(), Fence()
    fence.require()
    fence.hold_until(now() + 60)
    fence.lead(tmp_path / "fences" / "cloud", 7)
    fence.require()
    later.lead(tmp_path / "fences" / "cloud", 9)
    with pytest.raises(LeaseLost, match="taken this run over"):
        fence.require()
    fence.leave()
    fence.require()
    fence.hold_until(now() - 0.1)
    with pytest.raises(LeaseLost, match="run out"):
        fence.require()


def test_tables_of_another_format_are_refused(stored: Directories) -> None:
    assert stored.store
    with Journal(stored.store) as journal:
        journal.database.execute("UPDATE onward_store SET format = 99")
    with pytest.raises(StoreOfAnotherFormat, match="format 99"):
        Journal(stored.store)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://onward:hunter22@127.0.0.1/onward",
        "postgresql://onward@127.0.0.1/onward?password=hunter22",
        "mysql://onward@127.0.0.1/onward",
        "postgresql://onward@127.0.0.1",
        "/var/lib/journal",
    ],
)
def test_an_address_with_a_password_or_of_something_else_is_refused(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--state-dir", str(tmp_path / "state"), "runs", "list", "--store", url]) == 4
    said = capsys.readouterr()
    assert "OW510" in said.err
    assert "hunter22" not in said.err + said.out


def test_a_store_that_does_not_answer_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = "postgresql://onward@127.0.0.1:1/onward"
    assert run(["--state-dir", str(tmp_path / "state"), "runs", "list", "--store", url]) == 1
    assert "OW507" in capsys.readouterr().err


def command(step_id: str, needs: str, *argv: str) -> Step:
    """A step of the real ``onward controller run``: a command of the operator's."""
    return Step(
        id=step_id,
        action="unit.command",
        target="keystone",
        arguments={"unit": "keystone/0", "verb": "stop", "argv": list(argv)},
        needs=tuple(needs.split()),
        reason="a test",
        phase="prepare",
    )


def test_the_real_controllers_carry_out_what_is_in_the_store_and_the_password_is_nowhere(
    stored: Directories, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONWARD_STORE", str(stored.store))
    state = ["--state-dir", str(stored.state), "--cache-dir", str(stored.cache)]
    wait = f"echo one >>{tmp_path}/one; while [ ! -e {tmp_path}/open ]; do sleep 0.05; done"
    plan = plan_of(command("a", "", "sh", "-c", wait), command("b", "a", "sh", "-c", f"echo two >>{tmp_path}/two"))
    Engine(stored, all_actions(stored)).create(plan, "run-1")
    enqueue(stored, "run-1")
    program = Path(sys.executable).with_name("onward")
    working = [
        subprocess.Popen([program, *state, "controller", "run"], stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    try:

        def listed() -> dict[object, dict[str, object]]:
            assert run([*state, "controller", "list", "-f", "json"]) == 0
            return {row["Process"]: row for row in json.loads(capsys.readouterr().out)}

        wait_until(lambda: {each.pid for each in working} == set(listed()), "both are listed")
        wait_until((tmp_path / "one").exists, "one of them leads")
        assert sorted((row["Leads"], row["Steps"]) for row in listed().values()) == [("", 0), ("run-1", 1)]
        assert run([*state, "runs", "list", "-f", "json"]) == 0
        assert [row["Status"] for row in json.loads(capsys.readouterr().out)] == ["running"]
        assert run([*state, "runs", "pause", "run-1"]) == 0
        (tmp_path / "open").touch()
        wait_until(lambda: read_run(stored, "run-1").status == "paused", "it is paused")
        assert not (tmp_path / "two").exists()
        # Puts it into the queue, and shows it to its end.
        assert run([*state, "runs", "resume", "run-1"]) == 0
        assert (tmp_path / "one").read_text() + (tmp_path / "two").read_text() == "one\ntwo\n"
        for each in working:
            assert PASSWORD.encode() not in Path(f"/proc/{each.pid}/cmdline").read_bytes()
    finally:
        for each in working:
            each.terminate()
        said = [each.communicate(timeout=60)[1] for each in working]
    assert [each.returncode for each in working] == [0, 0]
    assert all("at work on postgresql://onward@" in text and PASSWORD not in text for text in said)
    with Journal(stored.journal) as journal:
        for table in ("onward_runs", "onward_events", "onward_controllers", "onward_attempts"):
            assert PASSWORD not in str(journal.database.execute(f"SELECT * FROM {table}"))
    for path in stored.state.rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes()
