"""``onward apply`` on a real Keystone: the checks are its first gate, and what is waived is recorded."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from checked_keystone import Keystone

from onward.engine.runs import list_runs
from onward.hosts.state import Directories

ROLES = "Check default roles are immutable"
REASON = "frozen by hand until <May>"

pytestmark = pytest.mark.environments


def heads(keystone: Keystone) -> set[str]:
    with closing(sqlite3.connect(keystone.database)) as connection:
        return {row[0] for row in connection.execute("SELECT version_num FROM alembic_version")}


@pytest.fixture
def loose(keystone: Keystone) -> Keystone:
    """A Keystone that the releases' own check finds fault with."""
    with closing(sqlite3.connect(keystone.database)) as connection:
        connection.execute("DELETE FROM role_option")
        connection.commit()
    return keystone


@pytest.fixture
def apply(onward: Callable[..., Any], loose: Keystone, tmp_path: Path) -> Callable[..., Any]:
    """Plan, then apply that plan with these words."""
    plan = tmp_path / "plan.json"
    planned = onward("plan", "upgrade", "--cloud", loose.cloud_file, "--to", "2023.2", "-o", plan)
    assert planned.status == 0, planned.err
    assert "gate" in planned.out
    assert "every check has passed, or was waived by name" in " ".join(planned.out.split())
    digest = json.loads(plan.read_text())["digest"]
    return lambda *words: onward("apply", plan, "--cloud", loose.cloud_file, "--approve", digest, *words)


def test_the_gate_stops_an_upgrade_before_anything_is_touched(
    apply: Callable[..., Any], onward: Callable[..., Any], loose: Keystone, directories: Directories, tmp_path: Path
) -> None:
    before = heads(loose)
    called = apply()
    assert called.status == 4
    said = " ".join(called.out.split())
    assert "OW607 at gate" in said
    assert f"{ROLES} (keystone 2023.2): failed: Roles are not immutable" in said
    assert heads(loose) == before
    (run,) = list_runs(directories)
    assert [each.step.id for each in run.steps if each.step.phase == "outage" and each.status != "waiting"] == []

    # The same run goes on once somebody has taken the responsibility.
    called = onward("runs", "resume", run.run_id, "--waive", f"{ROLES}={REASON}")
    assert called.status == 0, called.err
    assert heads(loose) != before
    assert REASON in " ".join(called.out.split())
    onward("runs", "report", run.run_id, "--report-dir", tmp_path / "report")
    data = json.loads((tmp_path / "report" / "report.json").read_text())
    (waiver,) = data["run"]["waivers"]
    assert (waiver["name"], waiver["reason"]) == (ROLES, REASON)
    assert waiver["by"]
    (finding,) = [each for each in data["findings"] if each["level"] == "waived"]
    assert finding["name"] == f"{ROLES} (keystone 2023.2)"
    page = (tmp_path / "report" / "report.html").read_text()
    assert "frozen by hand until &lt;May&gt;" in page


def test_a_waiver_is_given_with_the_plan(apply: Callable[..., Any], loose: Keystone, directories: Directories) -> None:
    with loose.configuration.open("a") as file:
        file.write("[acme]\nrack = 7\n")
    called = apply("--waive", f"{ROLES}@keystone 2023.2={REASON}")
    assert called.status == 0, called.err
    (run,) = list_runs(directories)
    assert run.step("gate").evidence is not None
    assert [waived.reason for waived in run.waivers] == [REASON]
    # A run has no code of the series that it comes from, which alone could say whether the option was one of its own.
    (unlisted,) = [each for each in run.step("gate").evidence["findings"] if each["name"] == "unlisted options"]
    assert unlisted["result"] == "warn"
    assert "[acme] rack; 2023.1 could not be asked" in unlisted["details"]


def test_a_waiver_that_matches_nothing_stops_the_upgrade(
    apply: Callable[..., Any], onward: Callable[..., Any], loose: Keystone, directories: Directories
) -> None:
    before = heads(loose)
    called = apply("--waive", f"{ROLES}={REASON}", "--waive", "Check default role=because")
    assert called.status == 4
    assert "OW802 at gate" in called.out
    assert heads(loose) == before
    # What is given anew replaces what was given before.
    (run,) = list_runs(directories)
    called = onward("runs", "resume", run.run_id, "--waive", f"{ROLES}={REASON}")
    assert called.status == 0, called.err
    called = onward("runs", "resume", run.run_id, "--waive", f"{ROLES}={REASON}")
    assert "OW504" in called.err


def test_what_could_not_be_told_stops_as_well_and_a_plugin_is_part_of_the_gate(
    apply: Callable[..., Any], loose: Keystone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    (site / "acme-1.dist-info").mkdir(parents=True)
    (site / "acme.py").write_text("def rack(context):\n    raise RuntimeError('the PDU said no')\n")
    (site / "acme-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (site / "acme-1.dist-info" / "entry_points.txt").write_text("[onward.checks]\nrack = acme:rack\n")
    monkeypatch.syspath_prepend(site)
    before = heads(loose)
    called = apply("--waive", f"{ROLES}={REASON}")
    assert called.status == 4
    assert "rack: could not tell: the check crashed: RuntimeError: the PDU said no" in " ".join(called.out.split())
    assert heads(loose) == before
    called = apply("--waive", f"{ROLES}={REASON}", "--waive", "rack=the PDU is being replaced")
    assert called.status == 0, called.err


def test_a_plan_is_stale_when_what_the_gate_looks_at_has_changed(apply: Callable[..., Any], loose: Keystone) -> None:
    loose.write(memcached=["127.0.0.1:11211"])
    called = apply()
    assert called.status == 6
    assert "OW401" in called.err


@pytest.mark.parametrize("words", [["--waive", "x"], ["--waive", "=y"]])
def test_an_unclear_waiver_makes_no_run(apply: Callable[..., Any], directories: Directories, words: list[str]) -> None:
    called = apply(*words)
    assert called.status == 4
    assert "OW801" in called.err
    assert list_runs(directories) == []
