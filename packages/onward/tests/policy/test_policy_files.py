"""Which files a release reads, as Onward sees it and as the release's own Enforcer does."""

import os
from pathlib import Path

import pytest

from onward.catalog.load import recipe
from onward.checks.policy import file_findings
from onward.hosts.policies import PolicySources
from onward.observe.policy_files import look_at, observe_policy_files, readable_by
from onward.policy.files import PolicyFiles, files_of_release
from onward.survey.policies import PolicyEnvironments

JSON = '{"identity:list_users": "role:admin"}\n'
YAML = '"identity:list_users": "role:admin"\n'
LAYOUTS = {
    "nothing": {},
    "yaml": {"policy.yaml": YAML},
    "json alone": {"policy.json": JSON},
    "json beside yaml": {"policy.json": JSON, "policy.yaml": YAML},
    "json named": {"policy.json": JSON, "keystone.conf": "[oslo_policy]\npolicy_file = policy.json\n"},
    "yaml named, json beside": {
        "policy.json": JSON,
        "own.yaml": YAML,
        "keystone.conf": "[oslo_policy]\npolicy_file = own.yaml\n",
    },
    "named where it was named in former times": {
        "policy.yaml": YAML,
        "own.yaml": YAML,
        "b/1.yaml": YAML,
        "keystone.conf": "[DEFAULT]\npolicy_file = own.yaml\npolicy_dirs = b\n",
    },
    "named and not there": {"policy.json": JSON, "keystone.conf": "[oslo_policy]\npolicy_file = gone.yaml\n"},
    "yaml named as it is by default, json alone": {
        "policy.json": JSON,
        "keystone.conf": "[oslo_policy]\npolicy_file = policy.yaml\n",
    },
    "directory": {"policy.yaml": YAML, "policy.d/20-b.yaml": YAML, "policy.d/10-a.yaml.bak": YAML},
    "directory alone": {"policy.d/10-a.yaml": YAML, "policy.d/.hidden.yaml": YAML, "policy.d/below/c.yaml": YAML},
    "directories named": {
        "policy.yaml": YAML,
        "policy.d/not-read.yaml": YAML,
        "b/1.yaml": YAML,
        "a/2.yaml": YAML,
        "keystone.conf": "[oslo_policy]\npolicy_dirs = b\npolicy_dirs = a\npolicy_dirs = none\n",
    },
}


def laid_out(directory: Path, layout: dict[str, str]) -> Path:
    """Write the files; return the configuration."""
    for name, content in {"keystone.conf": "[DEFAULT]\n", **layout}.items():
        (directory / name).parent.mkdir(exist_ok=True, parents=True)
        (directory / name).write_text(content)
    return directory / "keystone.conf"


def observed(configuration: Path) -> PolicyFiles:
    return observe_policy_files(recipe("keystone").policy, "keystone", [configuration], [])


@pytest.mark.environments
@pytest.mark.parametrize(
    ("layout", "series"),
    [(layout, series) for layout in LAYOUTS for series in ("2025.2", "2026.1")]
    + [("named where it was named in former times", "2024.2")],
)
def test_the_release_reads_what_is_foretold(
    series: str, layout: str, policy_environments: PolicyEnvironments, tmp_path: Path
) -> None:
    configuration = laid_out(tmp_path, LAYOUTS[layout])
    told = files_of_release(observed(configuration), policy_environments.registered("keystone", series))
    real = policy_environments.in_force("keystone", series, PolicySources((configuration,)))
    assert [str(file.path) for file in told.read] == list(real.files)


@pytest.mark.environments
def test_a_json_file_is_read_up_to_2025_2_and_ignored_from_2026_1_on(
    policy_environments: PolicyEnvironments, tmp_path: Path
) -> None:
    seen = observed(laid_out(tmp_path, LAYOUTS["json alone"]))
    before = files_of_release(seen, policy_environments.registered("keystone", "2025.2"))
    after = files_of_release(seen, policy_environments.registered("keystone", "2026.1"))
    assert [file.path.name for file in before.read] == ["policy.json"]
    assert [file.path.name for file in after.read] == []
    assert [file.path.name for file in after.ignored] == ["policy.json"]


def test_an_option_that_the_release_no_longer_reads_where_it_stands_is_found(
    policy_environments: PolicyEnvironments, tmp_path: Path
) -> None:
    seen = observed(laid_out(tmp_path, LAYOUTS["named where it was named in former times"]))
    said = {}
    for series in ("2024.2", "2025.2"):
        release = policy_environments.registered("keystone", series)
        said[series] = [each.details for each in file_findings(seen, files_of_release(seen, release), {}, release)]
    assert not any("[DEFAULT]" in details for details in said["2024.2"])
    assert any("[DEFAULT] policy_file = own.yaml is not read" in details for details in said["2025.2"])
    assert any("[DEFAULT] policy_dirs = b is not read" in details for details in said["2025.2"])


def test_what_is_wrong_with_a_file_is_told_and_nothing_raised(tmp_path: Path) -> None:
    laid_out(tmp_path, {"policy.yaml": YAML})
    (tmp_path / "policy.json").symlink_to(tmp_path / "gone")
    (tmp_path / "policy.yml").write_bytes(b"\xff\xfe")
    os.mkfifo(tmp_path / "policy.yaml.orig")
    (tmp_path / "policy.yaml").chmod(0o666)
    files = {path.name: file for path, file in observed(tmp_path / "keystone.conf").files.items()}
    assert "not there" in files["policy.json"].unreadable
    assert "UTF-8" in files["policy.yml"].unreadable
    assert "not a file" in files["policy.yaml.orig"].unreadable
    assert files["policy.yaml"].permissions.endswith("0666")
    assert files["policy.yaml"].text == YAML


def test_a_configuration_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    seen = observed(tmp_path / "keystone.conf")
    assert any("keystone.conf" in problem for problem in seen.problems)
    (tmp_path / "keystone.conf").write_text("[database]\nconnection Gr8Secret\n")
    seen = observed(tmp_path / "keystone.conf")
    assert seen.problems
    assert "Gr8Secret" not in str(seen)


@pytest.mark.parametrize(("mode", "readable"), [(0o640, False), (0o644, True), (0o600, False)])
def test_whether_the_service_may_read_a_file(tmp_path: Path, mode: int, readable: bool) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(YAML)
    path.chmod(mode)
    assert readable_by(look_at(path), "nobody") is readable
    assert readable_by(look_at(path), "no-such-user-here") is None
