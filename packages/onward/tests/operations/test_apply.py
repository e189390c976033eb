"""From a configuration file to a Keystone at the newest series, the way an operator does it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from installation import SERVICE_PASSWORD, Installation, content_of
from mariadb_data import sql
from process_list import ProcessList
from told import told

from onward.engine.record import RunRecord
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.mariadb_client import load

pytestmark = [pytest.mark.environments, pytest.mark.timeout(900)]

TARGET = "2026.2"
UNITS = ("keystone/0", "keystone/1")
BEFORE, AFTER = "47147121 c88cdce8f248", "742c857f1dfb c88cdce8f248"
"""The revisions of 2025.2 and of 2026.2."""


def restored(backup: Path, request: pytest.FixtureRequest) -> list[object]:
    """What a backup holds, read from a database that it was put back into."""
    if backup.suffix == ".sqlite":
        with closing(sqlite3.connect(f"file:{backup}?mode=ro", uri=True)) as connection:
            return list(connection.iterdump())
    server: PrivateMariadb = request.getfixturevalue("server")
    sql(server, "CREATE OR REPLACE DATABASE put_back")
    with backup.open("rb") as stream:
        load(stream, server.url("put_back"))
    return content_of(server.url("put_back"))


def files_with(word: str, directory: Path) -> list[str]:
    return [str(path) for path in directory.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


def begun_after(record: RunRecord, later: str, earlier: str) -> bool:
    began, ended = record.step(later).started, record.step(earlier).finished
    return began is not None and ended is not None and began >= ended


def test_a_cloud_goes_forward_by_the_plan_that_was_reviewed(
    installation: Installation, request: pytest.FixtureRequest
) -> None:
    operator = installation.operator
    installation.init(*UNITS)
    assert files_with(SERVICE_PASSWORD, operator.home) == []
    before = installation.content()
    digest = installation.plan(TARGET)
    shown = operator.call("plan", "show", "plan.json")
    assert shown.status == 0
    assert "2025.2 → 2026.1 → 2026.2" in shown.out
    assert digest in shown.out
    assert installation.content() == before
    assert installation.ledger_lines() == []

    with ProcessList() as processes:
        ended = operator.call("apply", "plan.json", "--approve", digest)
    assert ended.status == 0, ended.out + ended.err
    assert ended.out.startswith(f"The database of keystone is at {TARGET}.")
    assert " ".join(installation.heads()) == AFTER
    # Units are stopped while the database is as it was, and started when it is at the target.
    lines = installation.ledger_lines()
    assert sorted(lines[:2]) == [f"stop {unit} {BEFORE}" for unit in UNITS]
    assert sorted(lines[2:]) == [f"start {unit} {AFTER}" for unit in UNITS]
    record = operator.run()
    assert {step.status for step in record.steps} == {"done"}
    assert all(begun_after(record, f"start/{unit}", f"census/{TARGET}") for unit in UNITS)
    assert all(begun_after(record, "backup", f"stop/{unit}") for unit in UNITS)
    baseline, compared = record.step("census/2025.2").evidence, record.step(f"census/{TARGET}").evidence
    assert baseline is not None
    assert compared is not None
    assert baseline["rows"] == compared["rows"] > 200

    evidence = record.step("backup").evidence
    assert evidence is not None
    backup = Path(evidence["backup"])
    assert backup.stat().st_mode & 0o077 == 0
    assert f"The backup of 2025.2:\n  {backup}\n" in ended.out
    assert restored(backup, request) == before

    assert files_with(SERVICE_PASSWORD, operator.directories.state) == []
    assert SERVICE_PASSWORD not in ended.out + ended.err
    assert SERVICE_PASSWORD.encode() not in b"\n".join(processes.lines)

    again = operator.call("apply", "plan.json", "--approve", digest)
    assert again.status == 6
    assert "OW401" in again.err
    assert "--from" not in again.err
    assert operator.run() == record


def test_a_check_says_what_was_looked_at_and_ends_with_0_when_the_cloud_is_fit(installation: Installation) -> None:
    operator = installation.operator
    installation.init()
    before = installation.content()
    table = operator.call("check", "keystone", "--to", TARGET)
    assert table.status == 0, table.out + table.err
    assert max(len(line) for line in table.out.splitlines()) <= 120
    for words in ("accepts writes", "2025.2 -> 2026.1 -> 2026.2", "pass"):
        assert words in table.out
    data = operator.call("check", "keystone", "--to", TARGET, "-f", "json")
    assert data.status == 0
    findings = json.loads(data.out)
    assert {each["Result"] for each in findings} <= {"pass", "warn", "not-checked"}
    assert {"Check", "About", "Result", "Details", "Way out"} <= set(findings[0])
    # What the target release itself has to say.
    assert any("cache" in each["Details"] for each in findings if each["Result"] == "warn")
    assert SERVICE_PASSWORD not in table.out + table.err + data.out + data.err
    assert installation.content() == before
    assert not list((operator.directories.state / "runs").iterdir())


def test_a_check_that_could_not_tell_is_no_pass_and_no_failure(installation: Installation) -> None:
    installation.init()
    for key in (installation.keys / "fernet-keys").iterdir():
        key.unlink()
    (installation.keys / "fernet-keys").rmdir()
    ended = installation.operator.call("check", "keystone", "--to", TARGET, "-f", "json")
    assert ended.status == 4
    found = json.loads(ended.out)
    # Without its keys the release's own check does not come to its end.
    unclear = [each for each in found if each["Result"] == "could-not-tell"]
    assert {(each["Check"], each["About"]) for each in unclear} == {
        ("upgrade-check", "keystone 2026.1"),
        ("upgrade-check", "keystone 2026.2"),
    }
    assert all("fernet-keys" in each["Details"] for each in unclear)
    assert [each["Check"] for each in found if each["Result"] == "fail"] == ["fernet keys"]
    assert "OW607" in ended.err
    assert "could not tell: upgrade-check" in " ".join(ended.err.split())


def test_what_somebody_made_by_hand_stops_the_migration_and_can_be_mended(installation: Installation) -> None:
    operator = installation.operator
    installation.init(*UNITS)
    digest = installation.plan("2026.1")
    # The index that 2026.1 brings, made before its time, as people do when queries are slow.
    installation.execute("CREATE INDEX idx_project_id ON project_endpoint_group (project_id)")
    stopped = operator.call("apply", "plan.json", "--approve", digest)
    assert stopped.status == 1, stopped.out + stopped.err
    run = operator.run().run_id
    said = told(stopped.out)
    assert "OW601" in said
    assert "because the database has already what it was to make" in said
    assert "cut off" not in said
    assert "idx_project_id" in said
    assert f"onward runs resume {run} onward runs restore {run}" in said
    assert {line.split()[0] for line in installation.ledger_lines()} == {"stop"}
    installation.execute(
        "DROP INDEX idx_project_id" + (" ON project_endpoint_group" if installation.on_mariadb else "")
    )
    resumed = operator.call("runs", "resume", run)
    assert resumed.status == 0, resumed.out + resumed.err
    assert "742c857f1dfb" in installation.heads()
