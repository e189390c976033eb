"""A policy.json that was left behind: from 2026.1 on ignored, approved by the release's own check, found here."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from onward.actions.check_upgrade import ask_release
from onward.catalog.load import recipe
from onward.hosts.environments import Environment
from onward.hosts.policies import PolicySources, defaults_in_force
from onward.hosts.runner import warm_runner
from onward.policy.in_force import InForce
from onward.policy.language import parse
from onward.policy.personas import cases_for
from onward.survey.policies import PolicyEnvironments

pytestmark = pytest.mark.environments

STRICTER = {"identity:list_users": "role:auditor", "identity:list_regions": "role:auditor"}


@pytest.fixture
def keystone(tmp_path: Path) -> Path:
    """The configuration directory of a Keystone with its database, and a policy.json from former times."""
    directory = tmp_path / "keystone"
    directory.mkdir()
    for name in ("fernet-keys", "credential-keys"):
        (directory / name).mkdir(mode=0o700)
        (directory / name / "0").write_text("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
    (directory / "keystone.conf").write_text(
        f"[database]\nconnection = sqlite:///{directory / 'keystone.db'}\n"
        f"[fernet_tokens]\nkey_repository = {directory / 'fernet-keys'}\n"
        f"[fernet_receipts]\nkey_repository = {directory / 'fernet-keys'}\n"
        f"[credential]\nkey_repository = {directory / 'credential-keys'}\n"
    )
    (directory / "policy.json").write_text(json.dumps(STRICTER))
    return directory


def reader_lists_users(real: InForce) -> str:
    numbers = [number for number, case in enumerate(real.cases) if case.name == "reader, system"]
    return real.verdict("identity:list_users", numbers[0])


def test_the_release_ignores_it_and_says_success(
    policy_environments: PolicyEnvironments, built_keystone: Callable[[str], Environment], keystone: Path
) -> None:
    """The fault itself, with the real Keystone and the real oslo.policy."""
    sources = PolicySources((keystone / "keystone.conf",), search=())
    cases = cases_for([parse("role:auditor")])
    before = policy_environments.in_force("keystone", "2025.2", sources, cases)
    after = policy_environments.in_force("keystone", "2026.1", sources, cases)
    assert (before.files, reader_lists_users(before)) == ((str(keystone / "policy.json"),), "denied")
    assert (after.files, reader_lists_users(after)) == ((), "allowed")
    assert not any("policy.json" in warning for warning in after.warnings)

    environment = built_keystone("2026.1")
    program = environment.path / "bin" / "keystone-manage"
    subprocess.run([program, "--config-file", keystone / "keystone.conf", "db_sync"], capture_output=True, check=True)
    with warm_runner(environment.python, ["keystone.cmd.manage"], keystone / "runner.log") as runner:
        _, findings = ask_release(
            "keystone",
            "2026.1",
            runner,
            [keystone / "keystone.conf"],
            log_of=lambda check: keystone / f"{check}.log",
            rows=lambda query: None,
            progress=lambda line: None,
        )
    results = {finding.name: finding.result for finding in findings}
    assert results["Policy File JSON to YAML Migration"] == "pass"


@pytest.mark.parametrize("way", [("--from", "2026.1"), ("--from", "2025.2", "--to", "2026.1")])
def test_onward_finds_it_and_says_who_gets_in_and_the_way_out(onward, keystone: Path, way: tuple[str, ...]) -> None:
    called = onward("policy", "check", "keystone", "--policy-dir", keystone, *way, "-f", "json")
    assert called.status == 4
    found = {(each["Check"], each["About"]): each for each in json.loads(called.out)}
    whole, rule = (found["stale policy.json", about] for about in ("keystone", "keystone identity:list_users"))
    assert whole["Result"] == rule["Result"] == "fail"
    assert "2026.1" in whole["Details"]
    assert "2 rules" in whole["Details"]
    assert "'role:auditor'" in rule["Details"]
    assert "manager, member, reader: own domain; system" in rule["Details"]
    assert whole["Way out"].startswith(f"onward policy convert {keystone / 'policy.json'} --service keystone")
    assert "OW702" in called.err


def test_before_it_is_ignored_nothing_fails(onward, keystone: Path) -> None:
    called = onward("policy", "check", "keystone", "--policy-dir", keystone, "--from", "2025.2", "-f", "json")
    assert called.status == 0, called.err
    assert "reads" in json.loads(called.out)[0]["Details"]


def test_beside_a_policy_yaml_it_is_ignored_by_every_release(onward, keystone: Path) -> None:
    (keystone / "policy.yaml").write_text('"identity:list_users": "role:admin"\n')
    called = onward("policy", "check", "keystone", "--policy-dir", keystone, "--from", "2025.2", "-f", "json")
    assert called.status == 4
    found = {(each["Check"], each["About"]): each["Details"] for each in json.loads(called.out)}
    assert "'role:admin' is in force" in found["stale policy.json", "keystone identity:list_users"]
    assert found["policy files", "keystone"].endswith("policy.yaml")


def test_one_that_says_what_is_in_force_anyway_is_only_a_warning(onward, keystone: Path) -> None:
    (keystone / "policy.json").write_text(
        '{\t"identity:list_users": "rule:admin_required or role:x",\n\t"identity:x": "!"}'
    )
    (keystone / "policy.yaml").write_text('"identity:list_users": "role:x or rule:admin_required"\n')
    called = onward("policy", "check", "keystone", "--policy-dir", keystone, "--from", "2026.1", "-f", "json")
    assert called.status == 0, called.err
    found = {(each["Check"], each["About"]): each["Result"] for each in json.loads(called.out)}
    assert found["stale policy.json", "keystone"] == "warn"


@pytest.mark.parametrize("content", ["{", '{"identity:list_users": [1]}'])
def test_one_that_cannot_be_read_is_no_pass(onward, keystone: Path, content: str) -> None:
    (keystone / "policy.json").write_text(content)
    called = onward("policy", "check", "keystone", "--policy-dir", keystone, "--from", "2026.1", "-f", "json")
    assert called.status == 4
    found = {each["Check"]: each for each in json.loads(called.out)}
    assert found["stale policy.json"]["Result"] == "could-not-tell"


def test_the_defaults_of_a_release_are_asked_for_once(
    policy_environments: PolicyEnvironments, built_keystone: Callable[[str], Environment]
) -> None:
    cases = cases_for([parse("role:auditor")])
    asked = policy_environments.in_force("keystone", "2026.1", PolicySources(), cases)
    assert policy_environments.defaults_in_force("keystone", "2026.1", cases) == asked
    # The same environment, which can no longer be started: it is not.
    unusable = replace(built_keystone("2026.1"), python=Path("/nowhere"))
    assert defaults_in_force(unusable, recipe("keystone"), "2026.1", cases) == asked
