"""Keystone of every series: built as of its release, importable, and able to make its own database."""

import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from onward.actions.build_environment import BuildEnvironment
from onward.catalog.load import series_list
from onward.engine.action import Session, StepContext
from onward.hosts.environments import Environment
from onward.hosts.state import Directories
from onward.plan.forward import EnvironmentChoice
from onward.plan.plan import Plan
from onward.plan.step import Step

IN_EVERY_RUN = ("2023.1", "2026.2")
pytestmark = pytest.mark.environments


def synchronised(environment: Environment, directory: Path) -> set[str]:
    """The tables that the release's own db_sync makes in an empty SQLite file."""
    database, configuration = directory / "keystone.sqlite", directory / "keystone.conf"
    configuration.write_text(f"[database]\nconnection = sqlite:///{database}\n", encoding="utf-8")
    command = [environment.path / "bin" / "keystone-manage", "--config-file", configuration, "db_sync"]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr[-2000:]
    connection = sqlite3.connect(database)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    return tables


@pytest.mark.parametrize(
    "series",
    [pytest.param(entry.id, marks=() if entry.id in IN_EVERY_RUN else pytest.mark.full) for entry in series_list()],
)
def test_keystone_is_built_and_makes_its_database(
    series: str, built_keystone: Callable[[str], Environment], tmp_path: Path
) -> None:
    environment = built_keystone(series)
    assert environment.packages > 50
    assert {"user", "project", "assignment", "credential"} <= synchronised(environment, tmp_path)


def test_the_action_builds_what_the_plan_chose_and_finds_it_again(
    directories: Directories, environment_choice: Callable[[str], EnvironmentChoice], tmp_path: Path
) -> None:
    choice = environment_choice("2026.2")
    step = Step(
        id="environment/2026.2",
        action="environment.build",
        target="keystone",
        arguments={"service": "keystone", **choice.model_dump(mode="json")},
        reason="test",
        phase="prepare",
    )
    plan = Plan(kind="rehearsal", cloud="test", service="keystone", path=("2026.1", "2026.2"), facts={}, steps=(step,))
    context = StepContext("run", plan, step, tmp_path, {}, Session(), progress=lambda line: None)
    action = BuildEnvironment(directories)
    first, again = action.apply(context), action.apply(context)
    assert action.name == step.action
    assert again == {**first, "cached": True}
    assert Path(first["python"]).is_relative_to(first["environment"])
    assert Path(first["log"]).is_file()
    version = "import importlib.metadata as m; print(m.version('keystone'), m.version('PyMySQL'))"
    printed = subprocess.run([first["python"], "-c", version], capture_output=True, text=True, check=True).stdout
    assert printed.split()[0] == choice.version
