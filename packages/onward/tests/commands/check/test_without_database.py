"""Horizon has neither a database nor files of oslo.config nor a policy: a check says so, and nothing fails for it."""

import json
from pathlib import Path

import pytest

CLOUD = """\
cloud: example
services:
  horizon: {{series: "2025.1", configuration: [{settings}]}}
infrastructure: {{identity: {{ask: false}}}}
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Path:
    settings = tmp_path / "local_settings.py"
    settings.write_text("DEBUG = False\n")
    found = tmp_path / "cloud.yaml"
    found.write_text(CLOUD.format(settings=settings))
    return found


def test_what_there_is_not_is_said_and_is_nothing_to_worry_about(onward, cloud: Path) -> None:
    called = onward("check", "--cloud", cloud, "--to", "2026.1", "-f", "json")
    assert called.status == 0, called.err
    said = {each["Check"]: each for each in json.loads(called.out)}
    assert {each["Result"] for each in said.values()} <= {"pass", "not-checked"}
    details = {name: said[name]["Details"] for name in ("schema", "database servers", "policy", "option values")}
    assert details == {
        "schema": "it has no database",
        "database servers": "it has no database",
        "policy": "none of its own",
        "option values": "its configuration is no file of oslo.config",
    }
    assert "manage.py upgrade_check" in said["upgrade-check"]["Details"]
    assert "own checks" not in said["path"]["Details"]


def test_a_cloud_file_is_not_made_of_settings_of_django(onward, cloud: Path, tmp_path: Path) -> None:
    settings = tmp_path / "local_settings.py"
    called = onward("init", "--service", "horizon", "--from-config", settings, "-o", tmp_path / "new.yaml")
    assert (called.status, "OW104" in called.err, "horizon has no database" in called.err) == (4, True, True)
