"""What a unit owes: noted before its files change, and kept until it runs with them, wherever Onward is killed."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from onward.hosts.model_store import ModelStore

CONFIGURE = """
import json, sys
from pathlib import Path
from onward.actions.deployment.unit_configure import ConfigureUnit
from onward.engine.action import Session, StepContext
from onward.hosts.state import Directories
from onward.plan.plan import Plan
from onward.plan.step import Step
state, start, text = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
directory = state / "models" / "demo" / "units" / "nova-compute-0"
files = [{"path": f"etc/{name}", "text": text} for name in ("one.conf", "two.conf")]
unit = {"unit": "nova-compute/0", "directory": str(directory), "files": files}
step = Step(id="configure/nova-compute/0", action="unit.configure", target="nova-compute/0",
            arguments={"state": unit, "start": start}, reason="", phase="deploy")
plan = Plan(kind="deployment", cloud="demo", facts={}, steps=(step,))
context = StepContext(run_id="run", plan=plan, step=step, workspace=state, results={}, session=Session(),
                      progress=lambda _: None)
ConfigureUnit(Directories(state, state)).apply(context)
"""


class Unit:
    """A unit that runs, and whose files are written by a process that may be killed."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.store = ModelStore(state / "models" / "demo")
        self.store.remember({"sockets": str(state)})
        self.configure("old", "old")
        self.store.note_done("start/nova-compute/0", "old", {})

    def configure(self, start: str, text: str, crash: str = "") -> int:
        environment = {**os.environ, **({"ONWARD_CRASH_AT": crash} if crash else {})}
        words = [sys.executable, "-c", CONFIGURE, str(self.state), start, text]
        return subprocess.run(words, env=environment, check=False, timeout=60).returncode

    def texts(self) -> set[str]:
        return {path.read_text() for path in (self.store.unit_directory("nova-compute/0") / "etc").glob("*.conf")}


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    return Unit(tmp_path)


@pytest.mark.parametrize(
    "crash", ["unit.owes-restart", "unit.owes-restart#2", "unit.file-written", "unit.file-written#2"]
)
def test_killed_anywhere_a_unit_with_another_file_owes_its_restart(unit: Unit, crash: str) -> None:
    assert unit.configure("new", "new", crash) == -signal.SIGKILL
    assert "new" not in unit.texts() or "nova-compute/0" in unit.store.owed()
    assert unit.configure("new", "new") == 0
    owed = unit.store.owed()["nova-compute/0"]
    assert (unit.texts(), owed.digest, len(owed.reasons)) == ({"new"}, "new", 2)
    unit.store.note_done("start/nova-compute/0", "new", {})
    assert unit.store.owed() == {}


def test_several_reasons_are_one_debt_since_the_first(unit: Unit) -> None:
    unit.store.owe("nova-compute/0", "one", "first", deferred=True)
    since = unit.store.owed()["nova-compute/0"].since
    unit.store.owe("nova-compute/0", "two", "second")
    owed = unit.store.owed()["nova-compute/0"]
    assert (owed.since, owed.reasons, owed.digest, owed.deferred) == (since, ("first", "second"), "two", False)
    unit.store.note_done("start/nova-compute/0", "one", {})
    assert "nova-compute/0" in unit.store.owed()
    unit.store.note_done("start/nova-compute/0", "two", {})
    assert unit.store.owed() == {}


def test_files_that_are_set_back_owe_nothing(unit: Unit) -> None:
    unit.configure("new", "new")
    assert "nova-compute/0" in unit.store.owed()
    unit.configure("old", "old")
    assert unit.store.owed() == {}


def test_files_that_are_the_same_owe_nothing_and_neither_does_a_unit_that_never_ran(unit: Unit) -> None:
    unit.configure("other", "old")
    assert unit.store.owed() == {}
    unit.store.undo("start/nova-compute/0")
    unit.configure("new", "new")
    assert unit.store.owed() == {}


def test_a_note_has_no_text_of_a_file(unit: Unit) -> None:
    unit.configure("new", "password = s3cret")
    (note,) = (unit.store.directory / "owed").glob("*.json")
    assert "s3cret" not in note.read_text()
    assert json.loads(note.read_text())["reasons"] == ["etc/one.conf has changed", "etc/two.conf has changed"]


def test_a_note_that_another_step_takes_away_while_notes_are_listed_is_no_note(unit: Unit) -> None:
    unit.configure("new", "new")
    for directory in ("done", "owed"):
        # Listed, and gone when it is read: what a link that leads nowhere is as well.
        (unit.store.directory / directory / "reload+nova-compute+2.json").symlink_to("gone")
    assert set(unit.store.done()) >= {"start/nova-compute/0"}
    assert set(unit.store.owed()) == {"nova-compute/0"}
