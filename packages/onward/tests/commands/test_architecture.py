"""ARCHITECTURE.md follows the code."""

import re
from pathlib import Path

from run_records import upgrade

from onward.actions.registry import all_actions
from onward.hosts.state import Directories
from onward.survey.gate import gate_of

ROOT = Path(__file__).parents[4]
SOURCE = ROOT / "packages" / "onward" / "src" / "onward"
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
TRACE = PAGE.partition("\n## One `onward apply")[2].partition("\n## ")[0]


def test_every_path_it_names_is_there() -> None:
    named = re.findall(r"`([a-z_]+/[\w./-]*|[a-z_]+\.py)`", PAGE)
    assert len(named) > 50
    steps = {step.id.partition("/")[0] for step in upgrade().steps}
    paths = [name for name in named if name.partition("/")[0] not in steps or "." in name]
    assert [name for name in paths if not (SOURCE / name).exists() and not (ROOT / name).exists()] == []


def test_every_folder_has_its_row() -> None:
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert set(re.findall(r"^\| `([a-z]+)` \|", PAGE, re.M)) == folders


def test_the_trace_of_an_upgrade_goes_through_the_steps_of_its_plan_in_order() -> None:
    names = list(dict.fromkeys(step.id.partition("/")[0] for step in upgrade().steps))
    places = [TRACE.find(f"   - `{name}") for name in names]
    assert -1 not in places, dict(zip(names, places, strict=True))
    assert places == sorted(places)


def test_the_trace_names_the_module_of_every_action(directories: Directories) -> None:
    actions = all_actions(directories, gate_of(directories))
    modules = {type(actions[step.action]).__module__ for step in upgrade().steps}
    paths = {module.removeprefix("onward.").replace(".", "/") + ".py" for module in modules}
    assert {path for path in paths if f"`{path}`" not in TRACE} == set()
