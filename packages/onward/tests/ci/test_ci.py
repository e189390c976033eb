"""Upgrades tried in continuous integration, for real: what fails is left as a bundle that fails alike elsewhere."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from onward.hosts.state import Directories

pytestmark = [pytest.mark.full, pytest.mark.mariadb, pytest.mark.environments, pytest.mark.timeout(2400)]

LEFTOVER = "CREATE TABLE resource_snapshot (id INT PRIMARY KEY);\n"
"""A table of that name is made on the way from 2025.1 to 2026.1."""
BUNDLE = """\
name: short
applications:
  mariadb:
  keystone: {channel: "2025.1", options: {workers: 1}}
  placement: {channel: "2025.1"}
  haproxy:
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [placement:shared-db, mariadb:shared-db]
  - [placement, keystone:identity-service]
  - [haproxy, keystone]
  - [haproxy, placement]
"""


def call(directories: Directories, state: str, *words: object) -> subprocess.CompletedProcess[str]:
    where = ["--state-dir", str(directories.state / state), "--cache-dir", str(directories.cache)]
    argv = [sys.executable, "-m", "onward.commands.main", *where, *map(str, words)]
    return subprocess.run(argv, check=False, capture_output=True, text=True, timeout=1800, env={**os.environ})


def test_one_that_fails_does_not_stop_the_others_and_its_bundle_fails_alike_in_a_state_directory_of_its_own(
    directories: Directories, tmp_path: Path
) -> None:
    seed = tmp_path / "left over.sql"
    seed.write_text(LEFTOVER)
    kept = tmp_path / "bundles"
    done = call(
        directories,
        "first",
        *("ci", "services", "heat", "placement", "--from", "2025.1", "--to", "2026.1"),
        *("--seed", f"heat={seed}", "--bundle-dir", kept, "-f", "json"),
    )
    assert done.returncode == 1, done.stderr[-3000:]
    rows = {each["Service"]: each for each in json.loads(done.stdout)}
    assert rows["placement"]["Result"] == "done"
    assert rows["placement"]["Outage"]
    assert rows["heat"]["Result"].startswith("OW601 at migrate/heat/20")
    (bundle,) = kept.iterdir()
    assert str(bundle) == rows["heat"]["Bundle"]
    with tarfile.open(bundle) as archive:
        names = archive.getnames()
    assert {"manifest.json", "plan.json", "report.json", "left over.sql", "dump/heat.sql"} <= set(names)
    assert {"environments/heat-2026.1/constraints.txt", "environments/heat-2026.1/packages.txt"} <= set(names)

    again = call(directories, "second", "ci", "reproduce", bundle, "-f", "json")
    assert again.returncode == 0, again.stderr[-3000:]
    (result,) = (each for each in json.loads(again.stdout) if each["What"] == "Result")
    assert result["Recorded"] == result["Now"]
    assert result["Now"].startswith("OW601 at migrate/heat/20")


def test_a_new_nova_has_a_cell_as_a_deployed_one_has(directories: Directories) -> None:
    done = call(directories, "cells", "ci", "services", "nova", "--from", "2025.1", "--to", "2025.2", "-f", "json")
    assert done.returncode == 0, done.stderr[-3000:]
    (row,) = json.loads(done.stdout)
    report = json.loads((directories.state / "cells" / "runs" / row["Run"] / "report.json").read_text())
    found = {each["name"]: each["level"] for each in report["findings"]}
    assert found["Cells v2 (nova 2025.2)"] == "pass"


def test_the_whole_way_by_commands_ends_with_nothing_and_with_a_bundle_where_it_was_asked_for(
    directories: Directories, tmp_path: Path
) -> None:
    bundle = tmp_path / "short.yaml"
    bundle.write_text(BUNDLE)
    kept = tmp_path / "bundles"
    done = call(
        directories,
        "whole",
        *("ci", "workflow", bundle, "--to", "2025.2", "--bundle-dir", kept, "--always-bundle", "-f", "json"),
    )
    rows = {each["Step"]: each for each in json.loads(done.stdout)}
    assert {name: each["Result"] for name, each in rows.items()} == dict.fromkeys(
        ("deploy", "fill", "check", "rehearse", "plan", "apply", "smoke", "destroy"), "done"
    ), done.stderr[-3000:]
    assert done.returncode == 0
    (reproducer,) = kept.iterdir()
    with tarfile.open(reproducer) as archive:
        assert {"manifest.json", "short.yaml", "output/apply.log", "upgrade-plan.json"} <= set(archive.getnames())
    models = directories.state / "whole" / "models"
    assert not models.exists() or not list(models.iterdir())
