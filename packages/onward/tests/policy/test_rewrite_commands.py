"""``onward policy convert``, ``prune`` and ``migrate`` as they are typed, on real releases."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from onward.hosts.policies import PolicySources
from onward.policy.document import read_document
from onward.policy.equivalence import Settings
from onward.policy.language import parse
from onward.policy.personas import cases_for, checks_of
from onward.policy.rewriting import convert, prune
from onward.survey.policies import PolicyEnvironments

pytestmark = pytest.mark.environments

KEYSTONE = ("--service", "keystone", "--series", "2023.1")
RULES = {
    "admin_required": "role:admin or is_admin:1",
    "identity:get_user": "role:admin or role:helpdesk",
    "identity:list_projects": [["role:cloud ops"], ["rule:admin_required"]],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(RULES))
    path.chmod(0o640)
    return path


def test_json_becomes_yaml_with_the_mode_of_the_source(onward: Callable, file: Path) -> None:
    target = file.with_suffix(".yaml")
    called = onward("policy", "convert", file, *KEYSTONE, "-o", target, "-f", "json")
    assert called.status == 0, called.err
    assert {row["Rule"]: row["What became of it"] for row in json.loads(called.out)} == {
        "admin_required": "default, commented out",
        "identity:get_user": "kept",
        "identity:list_projects": "kept",
    }
    assert "proven to mean the same" in called.err
    assert read_document(target.read_text()).values == {name: RULES[name] for name in list(RULES)[1:]}
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [name for name in os.listdir(file.parent) if name.startswith(".")] == []


def test_nothing_is_replaced_unless_asked(onward: Callable, file: Path) -> None:
    before = file.read_bytes()
    for words in (["-o", file], ["--in-place"]):
        called = onward("policy", "convert", file, *KEYSTONE, *words)
        assert (called.status, "OW712" in called.err) == (4, True)
    target = file.with_suffix(".yaml")
    target.write_text("mine\n")
    called = onward("policy", "prune", file, *KEYSTONE, "-o", target)
    assert (called.status, "OW712" in called.err, target.read_text()) == (4, True, "mine\n")
    assert onward("policy", "prune", file, *KEYSTONE).status == 0
    assert file.read_bytes() == before


def test_in_place_keeps_the_old_text_where_no_service_reads_it(onward: Callable, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    text = "# ours\nadmin_required: role:admin or is_admin:1\nidentity:get_user: role:helpdesk\n"
    file.write_text(text)
    assert onward("policy", "prune", file, *KEYSTONE, "--in-place").status == 0
    assert file.read_text() == "identity:get_user: role:helpdesk\n"
    assert (tmp_path / ".policy.yaml.before").read_text() == text


@pytest.mark.parametrize(
    ("text", "line"), [("a: role:x\nb: @\n", ":2:"), ("- a\n", ":1:"), ("identity:get_user: true\n", ":1:")]
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(
    onward: Callable, tmp_path: Path, text: str, line: str
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    for command in (["convert"], ["prune"], ["migrate", "--to", "2026.2"]):
        called = onward("policy", *command, file, *KEYSTONE)
        assert called.status == 4
        assert "OW711" in called.err
        # Messages are wrapped at the terminal's width.
        assert f"policy.yaml{line}" in "".join(called.err.split())
        assert "Traceback" not in called.err


def test_circles_and_missing_rules_are_warned_of_with_their_line(onward: Callable, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text("a: rule:b\nb: rule:a\nidentity:get_user: rule:nobody\n")
    called = onward("policy", "convert", file, *KEYSTONE)
    assert called.status == 0
    assert "policy.yaml:1: a goes round in a circle: a -> b -> a" in called.err
    assert "policy.yaml:3: identity:get_user refers to a rule that is not there, nobody" in called.err


def test_a_missing_decision_pauses_and_writes_nothing(onward: Callable, tmp_path: Path) -> None:
    file, target = tmp_path / "policy.yaml", tmp_path / "new.yaml"
    file.write_text("identity:get_project: role:auditor\n")
    words = ("policy", "migrate", file, *KEYSTONE, "--to", "2026.2", "-o", target)
    called = onward(*words, "-f", "json")
    assert (called.status, "OW713" in called.err, target.exists()) == (5, True, False)
    (row,) = json.loads(called.out)
    assert row["Override"] == '"role:auditor"'
    assert row["Old default"] != row["New default"]
    assert onward(*words, "--keep", "identity:list_projects").status == 4
    assert onward(*words, "--keep", "identity:get_project").status == 0
    assert target.read_text() == file.read_text()


CATALOGUE = [
    pytest.param(service, series, marks=[] if service == "keystone" else pytest.mark.full)
    for service in ("keystone", "nova", "neutron", "glance", "cinder", "barbican", "octavia", "designate")
    for series in ("2023.1", "2025.2", "2026.2")
]


@pytest.mark.parametrize(("service", "series"), CATALOGUE)
def test_the_release_itself_lets_in_the_same_people_for_every_rule(
    policy_environments: PolicyEnvironments, tmp_path: Path, service: str, series: str
) -> None:
    registered = policy_environments.registered(service, series)
    values: dict[str, object] = {}
    for number, (name, rule) in enumerate(registered.rules.items()):
        check = rule.check or "@"
        words = [f"({check}) or ({check})", f"not not ({check})", check, f"({check}) and not role:blocked", "role:ops"]
        if number % 6 < len(words):
            values[name] = words[number % 6]
        if rule.replaced and number % 4 == 0:
            values.setdefault(rule.replaced.name, "role:ops or role:admin")
    document = read_document(json.dumps(values))
    written = [convert(document, registered, Settings()).text, prune(document, registered, Settings()).text]
    cases = cases_for([*checks_of(registered), *map(parse, values.values())])
    verdicts = []
    for number, text in enumerate([document.text, *written]):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        real = policy_environments.in_force(service, series, PolicySources(policy_file=file), cases)
        verdicts.append({name: real.rules[name].verdicts for name in registered.rules})
    assert sum(map(len, verdicts[0].values())) > 1000
    assert verdicts[1] == verdicts[0]
    assert verdicts[2] == verdicts[0]
