"""What releases say of their own policy, asked in their own environments."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from onward.errors import PolicyNotLoaded
from onward.hosts.policies import PolicySources
from onward.policy.in_force import InForce
from onward.policy.language import parse
from onward.policy.personas import Case, cases_for, checks_of
from onward.policy.registered import RegisteredPolicy
from onward.survey.policies import PolicyEnvironments

pytestmark = pytest.mark.environments


def verdict(real: InForce, rule: str, persona: str, situation: str) -> str:
    number = next(
        number for number, case in enumerate(real.cases) if (case.persona, case.situation) == (persona, situation)
    )
    return real.verdict(rule, number)


def cases_of(registered: RegisteredPolicy) -> tuple[Case, ...]:
    return cases_for(checks_of(registered))


def test_a_release_says_what_it_registers(policy_environments: PolicyEnvironments) -> None:
    old = policy_environments.registered("keystone", "2025.2")
    new = policy_environments.registered("keystone", "2026.1")
    assert old.rules["identity:get_user"].operations == (
        ("GET", "/v3/users/{user_id}"),
        ("HEAD", "/v3/users/{user_id}"),
    )
    assert old.rules["identity:get_user"].replaced is not None
    assert "system" in old.rules["identity:get_user"].scopes
    # oslo.policy 5 (2026.1) no longer falls back to policy.json; both are found out by trying it.
    assert (old.oslo_policy[0], old.reads_json_instead) == ("4", True)
    assert (new.oslo_policy[0], new.reads_json_instead) == ("5", False)
    assert {"http", "https"} <= set(old.custom_checks)
    assert RegisteredPolicy.from_json(new.to_json()) == new


def test_it_is_asked_once(policy_environments: PolicyEnvironments, monkeypatch: pytest.MonkeyPatch) -> None:
    before = policy_environments.registered("keystone", "2026.1")
    monkeypatch.setattr("onward.hosts.policies.run_command", None)
    assert policy_environments.registered("keystone", "2026.1") == before


def test_personas_get_what_the_release_gives_them(policy_environments: PolicyEnvironments) -> None:
    cases = cases_of(policy_environments.registered("keystone", "2026.1"))
    real = policy_environments.in_force("keystone", "2026.1", PolicySources(), cases)
    assert real.files == ()
    assert (real.enforce_new_defaults, real.enforce_scope) == (True, True)
    assert verdict(real, "identity:list_users", "admin", "own project") == "allowed"
    assert verdict(real, "identity:list_users", "reader", "system") == "allowed"
    assert verdict(real, "identity:list_users", "reader", "own domain") == "allowed"
    assert verdict(real, "identity:list_users", "reader", "another domain") == "denied"
    assert verdict(real, "identity:list_users", "no role", "unscoped") == "denied"
    assert verdict(real, "identity:create_region", "admin", "own domain") == "wrong scope"
    assert verdict(real, "identity:get_user", "no role", "own project") == "allowed"
    assert verdict(real, "identity:get_user", "reader", "own project, another user's") == "denied"
    assert all(len(rule.verdicts) == len(cases) for rule in real.rules.values())
    assert not any(rule.error for rule in real.rules.values())


def test_an_override_is_in_force_and_said_to_be_one(policy_environments: PolicyEnvironments, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(
        '"identity:list_users": "role:auditor"\n"mine": "role:auditor"\n"identity:list_roles": "rule:mine"\n'
    )
    cases = cases_for([parse("role:auditor")])
    real = policy_environments.in_force("keystone", "2026.1", PolicySources(policy_file=file), cases)
    assert real.files == (str(file),)
    assert real.rules["identity:list_users"].in_files
    assert not real.rules["identity:get_user"].in_files
    assert verdict(real, "identity:list_roles", "auditor", "system") == "allowed"
    assert verdict(real, "identity:list_users", "admin", "system") == "denied"


@pytest.mark.parametrize("content", ["- a\n", "a: [\n", "a: true\n", "a: 5\n"])
def test_a_file_that_the_release_cannot_load_is_an_error_with_its_words(
    policy_environments: PolicyEnvironments, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(content)
    with pytest.raises(PolicyNotLoaded) as raised:
        policy_environments.in_force("keystone", "2026.1", PolicySources(policy_file=file))
    assert "keystone 2026.1" in raised.value.what
    assert "Error" in raised.value.evidence


def test_rules_that_go_round_in_a_circle_are_errors_of_these_rules(
    policy_environments: PolicyEnvironments, tmp_path: Path
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text('"identity:list_users": "rule:round"\n"round": "rule:and_round"\n"and_round": "rule:round"\n')
    real = policy_environments.in_force("keystone", "2026.1", PolicySources(policy_file=file), cases_for([]))
    assert set(real.rules["identity:list_users"].verdicts) == {"e"}
    assert "circle" in real.rules["identity:list_users"].error
    assert "a" in real.rules["identity:get_user"].verdicts
    assert any("cyclical" in warning for warning in real.warnings)


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server that allows everything, and what it was asked."""
    requests: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requests.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"True")

        def log_message(self, *_words: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", requests
    server.shutdown()
    thread.join()
    server.server_close()


def test_no_other_server_is_asked(
    policy_environments: PolicyEnvironments, asked: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, requests = asked
    file = tmp_path / "policy.yaml"
    file.write_text(json.dumps({"identity:list_users": f"role:admin or http://{address}/check"}))
    real = policy_environments.in_force("keystone", "2026.1", PolicySources(policy_file=file), cases_for([]))
    assert verdict(real, "identity:list_users", "admin", "system") == "allowed"
    assert verdict(real, "identity:list_users", "reader", "system") == "error"
    assert "another server" in real.rules["identity:list_users"].error
    assert requests == []
