"""A restart of real processes under a real supervisor: one batch after the other, and killed at any of its points."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from restart_lives import RUN, SERVER, SmallModel

from onward.engine.runs import read_run, request
from onward.hosts.lasting_lines import add_line
from onward.hosts.leftovers import processes_of
from onward.hosts.state import Directories
from onward.model.restart import Bounds

UNITS = 4
BOUNDS = Bounds(batch=2, canary=1, patience=40, haste=40)
POINTS = (
    "restart.calm",
    "restart.restarting",
    "restart.decided",
    "unit.restarted",
    "unit.restarted#3",
    "restart.settled",
    "restart.healthy",
    "restart.healthy#2",
)


def free_ports(count: int) -> tuple[int, ...]:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = tuple(int(each.getsockname()[1]) for each in taken)
    for each in taken:
        each.close()
    return ports


@pytest.fixture
def model(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallModel]:
    found = SmallModel(Directories(tmp_path / "state", tmp_path / "state").prepared(), free_ports(UNITS))
    found.deploy(tmp_path_factory.mktemp("s"))
    until("all serve", lambda: all(found.begun(unit) == 1 for unit in found.units))
    yield found
    found.supervisor.end()
    until("nothing of it is left", lambda: processes_of(found.directories.state) == [])


def until(what: str, true: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


def restarted_together(model: SmallModel) -> list[int]:
    return [len(line.units) for line in model.lines() if line.kind == "restarting"]


def test_units_are_restarted_a_canary_first_and_owe_nothing_then(model: SmallModel) -> None:
    model.begin(BOUNDS)
    assert model.live() == 0, read_run(model.directories, RUN).steps[0].error
    assert [model.begun(unit) for unit in model.units] == [2] * UNITS
    assert restarted_together(model) == [1, 2, 1]
    assert model.store.owed() == {}
    evidence = read_run(model.directories, RUN).steps[0].evidence or {}
    assert (evidence["healthy"], evidence["failed"], evidence["batches"]) == (UNITS, {}, 3)


@pytest.mark.full
@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_it_goes_on_and_restarts_nobody_twice(model: SmallModel, point: str) -> None:
    model.begin(BOUNDS)
    assert model.live(point) == -signal.SIGKILL
    owed, begun = set(model.store.owed()), {unit: model.begun(unit) for unit in model.units}
    # Whoever owes nothing any more was restarted.
    assert all(begun[unit] == 2 for unit in set(model.units) - owed)
    assert model.live() == 0
    assert [model.begun(unit) for unit in model.units] == [2] * UNITS
    assert model.store.owed() == {}


@pytest.mark.full
def test_a_pause_lets_the_batch_end_and_a_unit_may_be_left_out(model: SmallModel) -> None:
    model.begin(BOUNDS.model_copy(update={"pause": 5.0}))
    process = subprocess.Popen(model.words())
    until("the canary is restarted", lambda: any(line.kind == "settled" for line in model.lines()))
    request(model.directories, RUN, "pause")
    assert process.wait(60) == 5
    assert [model.begun(unit) for unit in model.units] == [2, 1, 1, 1]
    assert set(model.store.owed()) == {"web/1", "web/2", "web/3"}
    add_line(model.directories.workspace(RUN) / "skipped", "web/2")
    assert model.live() == 0
    assert [model.begun(unit) for unit in model.units] == [2, 2, 1, 2]
    assert set(model.store.owed()) == {"web/2"}


@pytest.mark.full
def test_a_unit_that_stays_away_ends_it_and_has_another_try(model: SmallModel) -> None:
    model.begin(BOUNDS.model_copy(update={"patience": 6.0}))
    program = model.store.unit_directory("web/1") / "server.py"
    program.write_text("raise SystemExit('not today')")
    assert model.live() == 1
    error = read_run(model.directories, RUN).steps[0].error or {}
    assert (error["code"], "web/1" in error["evidence"]) == ("OW923", True)
    assert "web/1" in model.store.owed()
    assert "web/3" in model.store.owed()
    program.write_text(SERVER)
    assert model.live() == 0
    assert model.store.owed() == {}


def test_a_line_that_a_power_cut_left_half_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    add_line(path, '{"whole": 1}')
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.write(descriptor, b'{"half')
    os.close(descriptor)
    add_line(path, '{"whole": 2}')
    assert path.read_text().splitlines() == ['{"whole": 1}', '{"half', '{"whole": 2}']
