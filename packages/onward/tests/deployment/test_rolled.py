"""A real model goes to another release while it is used, and no call fails, also when the run is killed on the way."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from deploying import Operator

from material.rolled_services import BUNDLE, SERVICES
from material.steady_callers import CALL_SECONDS, Calls, calling, some_calls, token_of
from onward.commands.plan import load_plan

pytestmark = [pytest.mark.full, pytest.mark.mariadb, pytest.mark.environments, pytest.mark.timeout(2400)]

ENOUGH = 1000
"""Calls of users that are counted while the release is changed."""
KILLED = ["unit.drained#1", "application.command-run#1", "unit.stopped#1", "unit.started#1", "unit.admitted#2"]


@pytest.fixture
def deployed(module_operator: Operator) -> Iterator[Operator]:
    """Three services on two units each, at 2025.1."""
    module_operator.deploy(BUNDLE.format(channel="2025.1"))
    yield module_operator
    module_operator.destroy("rolled")


def test_no_call_fails_while_all_services_go_to_the_next_release(deployed: Operator, tmp_path: Path) -> None:
    file, pids = tmp_path / "plan.json", deployed.pids("rolled")
    deployed.must("plan", "upgrade", "--model", "rolled", "--to", "2025.2", "--rolling", "-o", file)
    assert deployed.store("rolled").secrets()["keystone/admin-password"] not in file.read_text()
    address, token = token_of(deployed.store("rolled"))
    with calling(token, some_calls(address)) as seen:
        said = deployed.must("apply", file, "--approve", load_plan(file).digest)
    assert_none_failed(seen)
    assert "Of " in said
    assert "calls meanwhile none failed." in " ".join(said.split())
    assert deployed.store("rolled").series() == dict.fromkeys(SERVICES, "2025.2")
    renewed = {unit for unit, pid in deployed.pids("rolled").items() if pids[unit] != pid}
    assert renewed == {f"{service}/{number}" for service in SERVICES for number in (0, 1)}
    assert "Nothing was changed." in deployed.deploy(BUNDLE.format(channel="2025.2"))


def assert_none_failed(seen: dict[str, Calls]) -> None:
    assert {name: each.failed[:3] for name, each in seen.items() if each.failed} == {}
    assert sum(each.good for each in seen.values()) >= ENOUGH


def test_killed_at_any_point_it_is_gone_on_with_and_no_call_fails(deployed: Operator) -> None:
    deployed.bundle.write_text(BUNDLE.format(channel="2026.1"))
    shown = deployed.must("deploy", deployed.bundle, "--rolling", "--dry-run")
    digest = re.findall(r"sha256:[0-9a-f]{64}", shown)[-1]
    address, token = token_of(deployed.store("rolled"))
    with calling(token, some_calls(address)) as seen:
        words: tuple[str | Path, ...] = ("deploy", deployed.bundle, "--rolling", "--approve", digest)
        for point in KILLED:
            done = deployed.run(*words, environment={"ONWARD_CRASH_AT": point})
            assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
            words = ("runs", "resume", interrupted(deployed))
        deployed.must(*words)
    assert_none_failed(seen)
    assert deployed.store("rolled").series() == dict.fromkeys(SERVICES, "2026.1")
    assert "Nothing was changed." in deployed.deploy()


def test_killed_on_the_way_it_can_go_back_to_what_it_was(deployed: Operator) -> None:
    deployed.bundle.write_text(BUNDLE.format(channel="2025.2"))
    shown = deployed.must("deploy", deployed.bundle, "--rolling", "--dry-run")
    digest = re.findall(r"sha256:[0-9a-f]{64}", shown)[-1]
    # Keystone is there, and of Placement one unit.
    crash = {"ONWARD_CRASH_AT": "unit.admitted#3"}
    done = deployed.run("deploy", deployed.bundle, "--rolling", "--approve", digest, environment=crash)
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    run = interrupted(deployed)
    refused = deployed.run("runs", "restore", run)
    assert refused.returncode == 4
    (way_back,) = set(re.findall(r"sha256:[0-9a-f]{64}", refused.stderr))
    deployed.must("runs", "restore", run, "--approve", way_back)
    assert deployed.store("rolled").series() == dict.fromkeys(SERVICES, "2025.1")
    address, token = token_of(deployed.store("rolled"))
    for url in some_calls(address).values():
        requests.get(url, headers={"X-Auth-Token": token}, timeout=CALL_SECONDS).raise_for_status()
    assert "Nothing was changed." in deployed.deploy(BUNDLE.format(channel="2025.1"))


def interrupted(operator: Operator) -> str:
    listed = json.loads(operator.must("runs", "list", "-f", "json"))
    return max(str(each["Run"]) for each in listed if each["Status"] == "interrupted")
