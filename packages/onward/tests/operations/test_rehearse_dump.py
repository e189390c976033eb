"""A dump of a real Keystone goes through every series on a copy."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from installation import Installation
from rehearsing import Operator

from onward.hosts.mariadb import PrivateMariadb, find_tool
from onward.hosts.state import Directories

pytestmark = [pytest.mark.environments, pytest.mark.timeout(900)]

COMPRESSORS = {"sql": [], "sql.gz": ["gzip"], "sql.zst": ["zstd", "-q"]}


def dumped(installation: Installation, server: PrivateMariadb, ending: str) -> Path:
    """What an operator's own mariadb-dump writes, through the compressor that they like."""
    database = str(installation.url.database)
    argv = [find_tool("mariadb-dump"), f"--socket={server.socket}", "--user=root", "--single-transaction", database]
    content = subprocess.run(argv, capture_output=True, check=True).stdout
    if COMPRESSORS[ending]:
        content = subprocess.run(COMPRESSORS[ending], input=content, capture_output=True, check=True).stdout
    path = installation.operator.home / f"keystone.{ending}"
    path.write_bytes(content)
    return path


@pytest.mark.mariadb
@pytest.mark.parametrize(
    ("ending", "target"),
    [pytest.param("sql", "2026.1", marks=pytest.mark.full), ("sql.gz", "2026.2"), ("sql.zst", "2026.1")],
)
def test_a_dump_from_mariadb_reaches_the_target_and_the_proof_holds(
    installation_on_mariadb: Installation, server: PrivateMariadb, ending: str, target: str
) -> None:
    operator = installation_on_mariadb.operator
    dump = dumped(installation_on_mariadb, server, ending)
    ended = operator.call("rehearse", "--dump", f"keystone={dump}", "--from", "2025.2", "--to", target)
    assert ended.status == 0, ended.out + ended.err
    record = operator.run()
    assert {step.status for step in record.steps} == {"done"}
    assert record.plan.target == target
    # Nobody's password is known, so that Onward made an administrator of its own in the copy, who asked everything.
    remembered = record.step("remember").evidence
    assert remembered is not None
    assert remembered["counts"]["users"] > 10
    assert remembered["logins"] == 1
    report = operator.report()
    assert report["run"]["status"] == "done"
    assert report["verdict"]["tone"] == "good"
    assert "Nothing was lost" in report["verdict"]["sentence"]
    assert "rows in 48 tables were compared" in report["verdict"]["sentence"]
    notes = [finding["details"] for finding in report["findings"] if finding["level"] == "note"]
    assert any("an administrator of its own, onward-rehearsal" in note for note in notes)
    assert any("Credentials were compared as rows alone" in note for note in notes)
    assert not [finding for finding in report["findings"] if finding["level"] == "could-not-tell"]
    assert len(report["proof"]) > 5
    assert all(check["passed"] == check["total"] for check in report["proof"])
    assert report["prediction"]["outage_seconds"] > 0
    page = (operator.workspace() / "report.html").read_text()
    assert report["verdict"]["sentence"] in page
    assert ended.out.startswith("Nothing was lost")
    assert not (operator.workspace() / "scratch").exists()


@pytest.mark.mariadb
def test_a_dump_that_fits_several_series_needs_to_be_told_which(
    installation_on_mariadb: Installation, server: PrivateMariadb
) -> None:
    operator = installation_on_mariadb.operator
    dump = dumped(installation_on_mariadb, server, "sql.gz")
    unclear = operator.call("rehearse", "--dump", f"keystone={dump}", "--plan-only")
    assert unclear.status == 4
    assert "OW108" in unclear.err
    for series in ("2024.1", "2024.2", "2025.1", "2025.2", "--from 2025.2"):
        assert series in unclear.err
    ahead = operator.call("rehearse", "--dump", f"keystone={dump}", "--plan-only", "--from", "2023.1")
    assert ahead.status == 4
    assert "OW307" in ahead.err
    behind = operator.call("rehearse", "--dump", f"keystone={dump}", "--plan-only", "--from", "2026.1")
    assert behind.status == 4
    assert "OW108" in behind.err
    clear = operator.call("rehearse", "--dump", f"keystone={dump}", "--plan-only", "--from", "2025.1")
    assert clear.status == 0
    assert "2025.1 → 2025.2 → 2026.1 → 2026.2" in clear.out
    assert not list((operator.directories.state / "runs").iterdir())


def test_a_dump_of_a_schema_that_only_one_series_has_tells_it_by_itself(
    tmp_path: Path, session_directories: Directories, environment_choice: Callable[..., object]
) -> None:
    for series in ("2023.1", "2023.2", "2024.1"):
        environment_choice(series)
    operator = Operator(Directories(tmp_path / "state", session_directories.cache), tmp_path)
    demo = ("rehearse", "--demo", "--size", "small", "--from", "2023.1", "--to", "2023.2", "--keep")
    made = operator.call(*demo)
    assert made.status == 0, made.out + made.err
    file = operator.workspace() / "scratch" / "keystone.sqlite"
    ended = operator.call("rehearse", "--dump", f"keystone={file}", "--to", "2024.1")
    assert ended.status == 0, ended.out + ended.err
    assert list(operator.run().plan.path) == ["2023.2", "2024.1"]
    assert operator.report()["verdict"]["tone"] == "good"
