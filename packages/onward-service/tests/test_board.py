"""Workers are real processes here, and are killed as real ones are."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from onward_service import board as module
from onward_service.board import Board, StateFileUnusable, noted
from onward_service.collector import Collector
from onward_service.observation import Outcome, Status

WRITER = """
import sys, time
from pathlib import Path
from onward_service.board import Board
from onward_service.collector import Collector
from onward_service.observation import Outcome
ticks = iter(range(1, 10**9))
collector = Collector(Board(Path(sys.argv[1])), clock=lambda: float(next(ticks)) + 1e9)
name = sys.argv[2]
collector.observe(name, Outcome.ANSWERED, 0.001)
print("written", flush=True)
while sys.argv[3] == "busy":
    collector.observe(name, Outcome.ANSWERED, 0.001, "a" * 40)
    collector.observe(name, Outcome.LOST, 0.001, "b" * 40)
sys.stdin.read()
"""


@contextmanager
def worker(file: Path, component: str, way: str = "idle") -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(file), component, way],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def test_workers_see_what_others_saw_and_know_who_is_dead(tmp_path: Path) -> None:
    file = tmp_path / "unit.health"
    with worker(file, "sql:one") as first, worker(file, "sql:two") as second:
        found = {each.component: each for each in Board(file).read()}
        assert {each.worker for each in found.values()} == {first.pid, second.pid}
        assert all(each.alive for each in found.values())
        first.kill()
        first.wait()
        assert {each.component: each.alive for each in Board(file).read()} == {"sql:one": False, "sql:two": True}
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_worker_killed_while_it_writes_leaves_nothing_that_is_false(tmp_path: Path) -> None:
    file = tmp_path / "unit.health"
    for _ in range(10):
        with worker(file, "sql:one", "busy") as busy:
            reader = Board(file)
            for _ in range(200):
                check_whole(reader)
            busy.send_signal(signal.SIGKILL)
            busy.wait()
            check_whole(reader)


def check_whole(reader: Board) -> None:
    for each in reader.read():
        assert each.component == "sql:one"
        assert each.reason in ("", "a" * 40, "b" * 40)
        assert each.status in Status


def test_a_damaged_record_is_not_taken_for_one(tmp_path: Path) -> None:
    file = tmp_path / "unit.health"
    collector = Collector(Board(file))
    collector.observe("sql:one", Outcome.ANSWERED, 0.001)
    collector.observe("sql:two", Outcome.ANSWERED, 0.001)
    place = file.read_bytes().index(b"sql:one")
    with file.open("r+b") as opened:
        opened.seek(place)
        opened.write(b"sql:0ne")
    assert [each.component for each in Board(file).read()] == ["sql:two"]


def test_slots_of_the_dead_are_given_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOTS", 2)
    file = tmp_path / "unit.health"
    for number in range(5):
        with worker(file, f"sql:{number}"):
            pass
    board = Board(file)
    assert board.claim(1.0)
    other = Board(file)
    assert other.claim(2.0)
    assert not Board(file).claim(3.0), "both slots belong to this process, which is alive"


def test_a_forked_child_has_a_slot_of_its_own() -> None:
    collector = Collector(Board(None))
    collector.observe("sql:parent", Outcome.ANSWERED, 0.001)
    child = os.fork()
    if child == 0:
        collector.observe("sql:child", Outcome.ANSWERED, 0.001)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    workers = {each.component: each.worker for each in collector.observations()}
    assert workers == {"sql:parent": os.getpid(), "sql:child": child}


def test_what_cannot_be_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("directory", "link", "missing/file"):
        with pytest.raises(StateFileUnusable, match=name):
            Board(tmp_path / name)
    (tmp_path / "keystone.conf").write_text("[DEFAULT]\n")
    with pytest.raises(StateFileUnusable, match="something else"):
        Board(tmp_path / "keystone.conf")
    assert (tmp_path / "keystone.conf").read_text() == "[DEFAULT]\n"
    (tmp_path / "older").write_bytes(b"onward-health-0\n")
    assert Board(tmp_path / "older").read() == []


def test_a_component_beyond_the_room_takes_the_place_of_the_one_that_was_used_longest_ago(tmp_path: Path) -> None:
    ticks = iter(range(1_000_000_000, 2_000_000_000))
    collector = Collector(Board(tmp_path / "unit.health"), clock=lambda: float(next(ticks)))
    for number in range(module.RECORDS):
        collector.observe(f"service:{number}", Outcome.ANSWERED, 0.001)
    collector.observe("service:0", Outcome.ANSWERED, 0.001)
    collector.observe("sql:new", Outcome.REFUSED, 0.001, "OperationalError 2003")
    known = {each.component: each.status for each in Board(tmp_path / "unit.health").read()}
    assert len(known) == module.RECORDS
    assert known["sql:new"] is Status.FAIL
    assert "service:0" in known
    assert "service:1" not in known
    assert collector.left_out == 1


def test_the_disk_cannot_become_too_full_to_write_what_is_seen(tmp_path: Path) -> None:
    """A hole in a mapped file that cannot be filled is the end of the process."""
    Board(tmp_path / "unit.health")
    found = (tmp_path / "unit.health").stat()
    assert found.st_blocks * 512 >= found.st_size


def test_what_a_worker_has_noted_is_read_while_it_answers_nobody(tmp_path: Path) -> None:
    file = tmp_path / "onward.health"
    with worker(file, "sql:db") as process:
        process.send_signal(signal.SIGSTOP)
        before = file.read_bytes()
        argv = [sys.executable, "-m", "onward_service.noted", str(file)]
        told = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
        assert told["checks"]["sql:db"]["status"] == "pass"
        assert file.read_bytes() == before


@pytest.mark.parametrize("content", [None, b"", b"something else"])
def test_a_file_that_is_none_is_neither_read_nor_made(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "onward.health"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StateFileUnusable):
        noted(file)
    assert (file.read_bytes() if file.exists() else None) == content
