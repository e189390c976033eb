"""What ``onward restart``, ``status`` and ``runs skip`` say of a model that was deployed."""

import json
from pathlib import Path

import pytest
from deploying import Operator
from remembered import remembered_models

from onward.actions.registry import all_actions
from onward.engine.engine import Engine
from onward.hosts.lasting_lines import lines_of
from onward.hosts.state import Directories
from onward.plan.plan import Plan

BUNDLE = """\
name: small
applications:
  mariadb:
  keystone: {num_units: 3, options: {workers: 1}}
relations:
  - [keystone, mariadb]
"""

pytestmark = pytest.mark.environments


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory, session_directories: Directories) -> Operator:
    directory = tmp_path_factory.mktemp("remembered")
    return remembered_models(
        directory, session_directories.cache, {"small": BUNDLE}, lambda step: step.action == "unit.start"
    )


def test_what_owes_a_restart_is_listed_with_its_age_and_its_reasons(operator: Operator) -> None:
    store = operator.store("small")
    store.owe("keystone/1", "other", "etc/keystone.conf has changed", deferred=True)
    path = store.directory / "owed" / "keystone-1.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "since": told["since"] - 3 * 3600 - 300}))
    said = operator.run("status", "small").stderr
    assert "keystone/1 owes a restart for 3 h 5 min, put off: etc/keystone.conf has changed" in said
    assert "onward restart --owed --model small" in said
    path.unlink()
    assert "owes" not in operator.run("status", "small").stderr


def test_what_is_not_there_is_refused_with_what_is(operator: Operator) -> None:
    for unknown, there in (("keystone/7", "it has: keystone/0, keystone/1"), ("glanze", "it has: mariadb, ")):
        refused = operator.run("restart", unknown)
        assert (refused.returncode, "OW925" in refused.stderr) == (4, True)
        assert there in refused.stderr
    assert operator.run("restart").returncode == 2
    assert operator.run("restart", "keystone", "--batch", "0").returncode == 2
    assert operator.run("restart", "keystone", "--batch", "120%").returncode == 2
    assert operator.run("restart", "keystone", "--max-load", "1").returncode == 2
    assert operator.run("config", "keystone", "debug=true", "--defer", "--batch", "2").returncode == 2


def test_units_without_their_files_are_not_restarted(operator: Operator) -> None:
    refused = operator.run("restart", "keystone")
    assert (refused.returncode, "OW924" in refused.stderr) == (4, True)
    assert "configure/keystone/0" in refused.stderr


def test_nothing_owed_is_nothing_to_do(operator: Operator) -> None:
    assert operator.must("restart", "--owed") == "No unit of small owes a restart.\n"


def test_a_unit_is_left_out_of_a_run_that_restarts_it_and_of_no_other(operator: Operator) -> None:
    unit = {"unit": "keystone/0", "digest": "", "start": {}}
    arguments = {"application": "keystone", "bounds": {"batch": 1}, "most_away": 1, "units": [unit]}
    step = {"id": "restart/keystone", "action": "application.restart", "target": "keystone", "arguments": arguments}
    plan = Plan.model_validate(
        {"kind": "restart", "cloud": "small", "facts": {}, "steps": [{**step, "reason": "", "phase": "deploy"}]}
    )
    run = Engine(operator.directories, all_actions(operator.directories)).create(plan.sealed())
    assert operator.run("runs", "skip", run, "keystone/2").returncode == 4
    operator.must("runs", "skip", run, "keystone/0")
    assert list(lines_of(Path(operator.directories.workspace(run)) / "skipped")) == ["keystone/0"]
    operator.must("runs", "cancel", run)
    assert operator.run("runs", "skip", run, "keystone/0").returncode == 4
