"""``onward check`` looks at policy as ``onward policy check`` does, and the gate of an upgrade with it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checked_keystone import SOURCE, Keystone

from onward.catalog.load import series_list
from onward.checks.finding import Finding
from onward.hosts.environments import Environment
from onward.hosts.state import Directories
from onward.model.cloud import Cloud
from onward.survey.checks.context import CheckContext
from onward.survey.checks.policy import policy
from onward.survey.checks.runner import run_checks
from onward.survey.cloud import load_cloud
from onward.survey.options import EnvironmentWish
from onward.survey.policies import PolicyEnvironments

TARGET = "2023.2"
OWN = ("policy", "policy files", "stale policy.json", "policy after the move")

pytestmark = pytest.mark.environments


def of_policy(called: Any) -> list[dict[str, str]]:
    return [each for each in json.loads(called.out) if each["Check"] in OWN]


def same(findings: list[dict[str, str]]) -> list[tuple[str, ...]]:
    return [tuple(each[word] for word in ("Check", "About", "Result", "Details", "Way out")) for each in findings]


@pytest.fixture
def stale(keystone: Keystone) -> Keystone:
    """A Keystone with a policy.json from former times, stricter than what is in force, beside its policy.yaml."""
    (keystone.directory / "policy.json").write_text('{"identity:list_users": "role:auditor"}')
    (keystone.directory / "policy.yaml").write_text('"identity:get_region": "role:reader"\n')
    return keystone


def test_a_cloud_without_overrides_passes_in_one_line(onward: Callable[..., Any], keystone: Keystone) -> None:
    called = onward("check", "--cloud", keystone.cloud_file, "-f", "json")
    assert called.status == 0, called.err
    (found,) = of_policy(called)
    assert (found["Check"], found["About"], found["Result"]) == ("policy files", "keystone", "pass")
    assert found["Found by"] == "policy"
    assert "2023.1) has no overrides" in found["Details"]


def test_what_is_found_is_what_the_command_for_policy_finds(onward: Callable[..., Any], stale: Keystone) -> None:
    checked = onward("check", "--cloud", stale.cloud_file, "--to", TARGET, "-f", "json")
    assert checked.status == 4
    assert "stale policy.json" in checked.err
    found = of_policy(checked)
    assert {each["Result"] for each in found if each["Check"] == "stale policy.json"} == {"fail"}
    assert "keystone identity:list_users" in {each["About"] for each in found}
    words = ("--cloud", stale.cloud_file, "--from", SOURCE, "--to", TARGET, "-f", "json")
    assert same(found) == same(of_policy(onward("policy", "check", *words)))


def test_the_gate_of_an_upgrade_stops_at_a_stale_policy(
    onward: Callable[..., Any], stale: Keystone, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    onward("plan", "upgrade", "--cloud", stale.cloud_file, "--to", TARGET, "-o", plan)
    digest = json.loads(plan.read_text())["digest"]
    called = onward("apply", plan, "--cloud", stale.cloud_file, "--approve", digest)
    assert called.status == 4
    said = " ".join(called.out.split())
    assert "OW607 at gate" in said
    assert "stale policy.json (keystone" in said


def looked_at(keystone: Keystone, directories: Directories, known: dict[str, Environment]) -> list[Finding]:
    """What the gate finds with these releases of Keystone installed and no others."""
    cloud: Cloud = load_cloud(keystone.cloud_file)
    wish = EnvironmentWish("as-of-release", 1)
    environments = PolicyEnvironments(
        directories, wish, lambda _line: None, known={("keystone", series): each for series, each in known.items()}
    )
    with CheckContext(directories, cloud, ("keystone",), target=series_list().find(TARGET)) as context:
        return run_checks([policy(environments, 1, may_build=False)], context)


def test_where_nothing_may_be_built_what_is_missing_is_said_with_the_command(
    keystone: Keystone, built_keystone: Callable[[str], Environment], tmp_path: Path
) -> None:
    nothing_built = Directories(state=tmp_path / "state", cache=tmp_path / "cache").prepared()
    (unclear,) = looked_at(keystone, nothing_built, {})
    assert (unclear.name, unclear.about, unclear.result) == ("policy", "keystone", "could-not-tell")
    assert unclear.way_out == f"onward policy check keystone --from {SOURCE} --to {TARGET}"

    files, after = looked_at(keystone, nothing_built, {TARGET: built_keystone(TARGET)})
    assert (files.name, files.result) == ("policy files", "pass")
    assert "(2023.2) has no overrides" in files.details
    # The move itself can't be compared, and that is no reason to stop an upgrade.
    assert (after.name, after.result, after.way_out) == ("policy after the move", "not-checked", unclear.way_out)
    assert not list(nothing_built.environments.glob("*"))


def test_files_are_looked_at_even_where_the_database_is_down(
    stale: Keystone, built_keystone: Callable[[str], Environment], tmp_path: Path
) -> None:
    stale.database.unlink()
    nothing_built = Directories(state=tmp_path / "state", cache=tmp_path / "cache").prepared()
    found = looked_at(stale, nothing_built, {TARGET: built_keystone(TARGET)})
    assert {each.result for each in found if each.name == "stale policy.json"} == {"fail"}
    (after,) = [each for each in found if each.name == "policy after the move"]
    assert after.result == "not-checked"
