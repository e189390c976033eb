"""onward policy show, diff and check, as they are typed."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.environments


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    file = tmp_path / "own.yaml"
    file.write_text('"identity:list_users": "role:auditor"\n\n"identity:create_project": "rule:admin_required"\n')
    return file


def test_show_names_every_rule_with_its_check_and_where_it_is_from(onward, policy: Path) -> None:
    words = ("policy", "show", "keystone", "--series", "2026.1", "--policy-file", policy, "-f", "json")
    called = onward(*words)
    assert called.status == 0, called.err
    rows = {row["Rule"]: row for row in json.loads(called.out)}
    assert rows["identity:list_users"] == {
        "Rule": "identity:list_users",
        "Check": "role:auditor",
        "From": f"{policy}:1",
        "Scopes": "system, domain, project",
    }
    assert rows["identity:create_project"]["From"] == f"{policy}:3"
    assert rows["identity:get_user"]["From"] == "default"
    assert "only the new defaults, scope enforced" in called.err


def test_show_tells_the_old_default_where_it_still_counts(onward) -> None:
    called = onward("policy", "show", "keystone", "--series", "caracal", "-f", "json")
    rows = {row["Rule"]: row for row in json.loads(called.out)}
    assert rows["identity:list_users"]["From"] == "default, or the old one"
    assert rows["admin_required"]["From"] == "default"


def test_diff_tells_who_gets_in_and_exits_with_3_only_where_asked(onward, policy: Path, tmp_path: Path) -> None:
    page = tmp_path / "diff.html"
    words = ("policy", "diff", "keystone", "--from", "2024.1", "--to", "2024.2", "--policy-file", policy)
    called = onward(*words, "--html", page, "-f", "json")
    assert called.status == 0, called.err
    rows = json.loads(called.out)
    assert rows[0]["What changes"][0] == "was denied, becomes allowed"
    by_name = {row["Rule"]: row for row in rows}
    assert by_name["identity:create_group"]["Becomes allowed"] == ["manager: own domain"]
    assert by_name["identity:create_project"]["What changes"] == ["the default changed under your override"]
    assert by_name["identity:create_project"]["Overridden at"] == f"{policy}:3"
    assert "narrower" not in by_name.get("identity:list_users", {"What changes": []})["What changes"]
    assert "identity:create_group" in page.read_text()
    assert onward(*words, "--exit-code").status == 3
    same = ("policy", "diff", "keystone", "--from", "2026.1", "--to", "2026.1", "--exit-code")
    assert onward(*same).status == 0


def test_a_policy_json_is_shown_as_what_each_release_makes_of_it(onward, tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text('{"identity:list_users": "role:auditor"}')
    words = ("--policy-file", tmp_path / "policy.json", "-f", "json")
    called = onward("policy", "diff", "keystone", "--from", "2025.2", "--to", "2026.1", *words)
    (row,) = (row for row in json.loads(called.out) if row["Rule"] == "identity:list_users")
    assert "your override is no longer in force" in row["What changes"]
    assert "(2026.1): only the new defaults, scope enforced; reads no policy file" in called.err


def test_a_broken_file_is_refused_with_its_line(onward, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text('"identity:list_users": "role:auditor"\n"identity:get_user": [\n')
    words = ("--policy-file", tmp_path / "policy.yaml")
    for called in (
        onward("policy", "show", "keystone", "--series", "2026.1", *words),
        onward("policy", "diff", "keystone", "--from", "2025.2", "--to", "2026.1", *words),
    ):
        assert called.status == 4
        assert "OW711" in called.err
        assert called.out == ""
    missing = onward("policy", "show", "keystone", "--series", "2026.1", "--policy-file", tmp_path / "no.yaml")
    assert (missing.status, "OW711" in missing.err) == (4, True)


def test_wishes_that_make_no_sense_are_refused(onward, tmp_path: Path) -> None:
    assert "OW103" in onward("policy", "show", "keystoen", "--series", "2026.1").err
    assert "OW101" in onward("policy", "diff", "keystone", "--from", "2025.3", "--to", "2026.1").err
    assert "OW103" in onward("policy", "check", "--policy-dir", tmp_path, "--from", "2026.1").err
    assert "OW108" in onward("policy", "check", "keystone", "--policy-dir", tmp_path).err
    assert "OW105" in onward("policy", "check", "--cloud", tmp_path / "none.yaml").err
    assert "OW113" in onward("policy", "show", "horizon", "--series", "2026.1").err
    assert "OW113" in onward("policy", "diff", "horizon", "--from", "2025.1", "--to", "2026.1").err


def test_check_finds_what_is_wrong_without_a_traceback(onward, tmp_path: Path) -> None:
    (tmp_path / "keystone").mkdir()
    (tmp_path / "keystone" / "policy.yaml").write_text('"identity:list_users": [\n')
    called = onward("policy", "check", "--policy-dir", tmp_path, "--from", "2025.2", "--to", "2026.1", "-f", "json")
    assert called.status == 4
    found = json.loads(called.out)
    assert {each["Result"] for each in found} == {"fail"}
    assert any("policy.yaml:2" in each["Details"] for each in found)
    assert any("cannot load its policy: keystone 2026.1" in each["Details"] for each in found)


def test_check_of_a_cloud_looks_at_the_files_of_its_units(onward, tmp_path: Path) -> None:
    (tmp_path / "keystone.conf").write_text(
        "[database]\nconnection = sqlite://\n[oslo_policy]\npolicy_file = own.yaml\n"
    )
    (tmp_path / "own.yaml").write_text('"identity:lst_users": "role:auditor"\n')
    (tmp_path / "own.yaml").chmod(0o666)
    cloud = tmp_path / "cloud.yaml"
    entry = f"series: '2026.1', configuration: [{tmp_path / 'keystone.conf'}]"
    cloud.write_text(f"cloud: example\nservices:\n  keystone: {{{entry}}}\n")
    called = onward("policy", "check", "--cloud", cloud, "-f", "json")
    assert called.status == 4
    found = {each["Check"]: each for each in json.loads(called.out)}
    assert found["policy permissions"]["Result"] == "fail"
    assert "own.yaml:1" in found["unknown policy rule"]["Details"]
