"""The next processes of a unit import their code, and do nothing else before they are let go."""

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
from deploying import until

from onward.actions.deployment.unit_hold import HoldUnit
from onward.engine.action import Session, StepContext
from onward.hosts.private_file import write_private
from onward.hosts.state import Directories
from onward.hosts.supervisor import Supervisor
from onward.model.deployment import UnitProcess
from onward.plan.deployment.early import PROGRAM
from onward.plan.plan import Plan
from onward.plan.step import Step

UNIT = "api/0"
SERVICE = """\
import os, sys
import heavy_{release}

with open("begun", "a") as file:
    print(heavy_{release}.__name__, os.getpid(), *sys.argv[1:], file=file)
import signal
signal.pause()
"""
HEAVY = """\
import os
with open("imported", "a") as file:
    print(__name__, file=file)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    found = tmp_path / "units" / "api-0"
    (found / "log").mkdir(parents=True)
    (found / "serve.py").write_text(PROGRAM)
    for release in ("old", "new"):
        (found / f"{release}.py").write_text(SERVICE.format(release=release))
        (found / f"heavy_{release}.py").write_text(HEAVY)
    return found


def process(directory: Path, release: str) -> UnitProcess:
    return UnitProcess(
        name="api",
        argv=(sys.executable, str(directory / "serve.py"), str(directory / f"{release}.py"), "--config-file", "x"),
        environment={"PYTHONPATH": str(directory), "ONWARD_IMPORTS": "json no_such_module"},
        directory=str(directory),
        waits=True,
    )


def lines(directory: Path, name: str) -> list[list[str]]:
    path = directory / name
    return [line.split() for line in path.read_text().splitlines()] if path.is_file() else []


def begun(directory: Path) -> list[str]:
    return [line[0] for line in lines(directory, "begun")]


def at_work(pid: int) -> bool:
    """Whether a process has not ended; one whose end nobody has asked after still has a number."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def held(supervisor: Supervisor, directory: Path) -> Supervisor:
    """The old release is at work, and the new one waits."""
    supervisor.apply(UNIT, [process(directory, "old")], "1")
    until("the old one is at work", lambda: begun(directory) == ["heavy_old"])
    supervisor.hold(UNIT, [process(directory, "new")], "2")
    until("the new one waits", lambda: supervisor.imported(UNIT))
    until("it is seen to run", lambda: supervisor.states(UNIT)[0].state == "RUNNING")
    return supervisor


def test_what_is_held_has_imported_and_not_begun_and_the_stop_of_the_old_ones_leaves_it(
    held: Supervisor, directory: Path
) -> None:
    assert [line[0] for line in lines(directory, "imported")] == ["heavy_old", "heavy_new"]
    (old,) = held.states(UNIT)
    assert [old.pid] == [int(lines(directory, "begun")[0][1])]
    held.stop([UNIT])
    assert not at_work(old.pid)
    assert begun(directory) == ["heavy_old"]
    assert held.imported(UNIT)
    assert held.held() == [UNIT]


def test_let_go_it_is_the_units_only_process_and_is_begun_again_like_any_other(
    held: Supervisor, directory: Path
) -> None:
    held.stop([UNIT])
    assert held.apply(UNIT, [process(directory, "new")], "2")
    until("it begins", lambda: begun(directory) == ["heavy_old", "heavy_new"])
    assert lines(directory, "begun")[1][2:] == ["--config-file", "x"]
    (now,) = held.states(UNIT)
    assert now.pid == int(lines(directory, "begun")[1][1])
    assert held.held() == []
    # Done again, as after a crash, nothing changes.
    assert not held.apply(UNIT, [process(directory, "new")], "2")
    assert held.states(UNIT)[0].pid == now.pid
    os.kill(now.pid, signal.SIGKILL)
    until("it is begun again", lambda: begun(directory) == ["heavy_old", "heavy_new", "heavy_new"])
    # And the next time the other place is the one that is free.
    held.hold(UNIT, [process(directory, "old")], "3")
    until("the next one waits", lambda: held.imported(UNIT))
    held.stop([UNIT])
    assert held.apply(UNIT, [process(directory, "old")], "3")
    until("it begins", lambda: begun(directory)[-1] == "heavy_old")
    assert len(held.states(UNIT)) == 1


def test_what_is_held_and_not_wanted_never_begins(held: Supervisor, directory: Path) -> None:
    held.stop([UNIT])
    assert not held.apply(UNIT, [process(directory, "old")], "1")
    until("the old one is back", lambda: begun(directory) == ["heavy_old", "heavy_old"])
    assert held.held() == []
    held.hold(UNIT, [process(directory, "new")], "2")
    until("the new one waits", lambda: held.imported(UNIT))
    at_work = [each.pid for each in held.states(UNIT)]
    held.release(UNIT)
    assert [each.pid for each in held.states(UNIT)] == at_work
    assert begun(directory) == ["heavy_old", "heavy_old"]
    held.remove(UNIT)
    assert held.states(UNIT) == []


@pytest.mark.parametrize(("memory", "is_held"), [(1, True), (1 << 30, False)])
def test_where_there_is_no_memory_for_both_the_unit_is_begun_when_it_is_its_turn(
    tmp_path: Path, memory: int, *, is_held: bool
) -> None:
    directories = Directories(tmp_path / "state", tmp_path / "cache")
    store = directories.model_store("m")
    directory = store.directory / "units" / "api-0"
    (directory / "log").mkdir(parents=True)
    (directory / "new.py").write_text(SERVICE.format(release="new"))
    (directory / "heavy_new.py").write_text(HEAVY)
    write_private(store.directory / "model.json", json.dumps({"sockets": str(tmp_path / "s")}))
    arguments = {
        "unit": UNIT,
        "directory": str(directory),
        "processes": [process(directory, "new").model_dump(mode="json")],
        "configuration": "2",
        "program": {"path": "serve.py", "text": PROGRAM},
        "memory": memory,
    }
    step = Step(id="hold/api/0", action="unit.hold", target=UNIT, arguments=arguments, reason="", phase="prepare")
    plan = Plan(kind="deployment", cloud="m", steps=(step,), facts={})
    said = list[str]()
    supervisor = Supervisor(store.directory, tmp_path / "s")
    supervisor.ensure()
    try:
        found = HoldUnit(directories).apply(StepContext("r", plan, step, tmp_path, {}, Session(), said.append))
        assert found["held"] is is_held
        assert supervisor.held() == ([UNIT] if is_held else [])
        assert ["MiB of memory are free" in line for line in said] == ([] if is_held else [True])
    finally:
        supervisor.end()
