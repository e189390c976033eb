"""What cannot be written is refused by name, and before anything is done for which it would be written."""

from pathlib import Path

import pytest
from run_records import rehearsal

from onward.commands.controller import start
from onward.engine.runs import list_runs
from onward.hosts.state import Directories

NOWHERE = Path("/proc/onward")
"""Nobody can make it, not even root."""


def refused(called, *named: str) -> None:
    assert called.status == 4, called.err
    assert "OW111" in called.err
    for word in named:
        assert word in "".join(called.err.split())


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    file = tmp_path / "keystone.conf"
    file.write_text("[database]\nconnection = sqlite:////srv/keystone.db\n")
    return file


def test_a_cloud_file_where_there_is_no_directory(onward, configuration: Path, tmp_path: Path) -> None:
    target = tmp_path / "missing" / "cloud.yaml"
    refused(onward("init", "--from-config", configuration, "-o", target), str(target))


def test_a_state_directory_that_cannot_be_made(onward) -> None:
    refused(onward("--state-dir", NOWHERE, "runs", "list"), str(NOWHERE), "--state-dir")
    refused(onward("--cache-dir", NOWHERE, "runs", "list"), str(NOWHERE), "--cache-dir")


def test_a_directory_for_the_report_is_looked_at_before_anything_runs(onward, directories: Directories) -> None:
    run = start(directories, rehearsal())
    refused(onward("runs", "report", run, "--report-dir", NOWHERE), str(NOWHERE))
    called = onward("rehearse", "--demo", "--from", "2026.1", "--to", "2026.2", "--report-dir", NOWHERE)
    refused(called, str(NOWHERE))
    assert called.out == ""
    assert [record.run_id for record in list_runs(directories)] == [run]


@pytest.mark.parametrize("name", ["my cloud", "", "../cloud", "a" * 64])
def test_a_name_that_no_cloud_can_have(onward, configuration: Path, tmp_path: Path, name: str) -> None:
    called = onward("init", "--from-config", configuration, "--name", name, "-o", tmp_path / "cloud.yaml")
    assert called.status == 4
    assert "OW105" in called.err
    assert "cloud:" in called.err
    assert not (tmp_path / "cloud.yaml").exists()


def test_a_series_that_there_is_not_never_gets_into_a_cloud_file(onward, configuration: Path, tmp_path: Path) -> None:
    words = ("init", "--from-config", configuration, "-o", tmp_path / "cloud.yaml", "--series")
    called = onward(*words, "caracl")
    assert (called.status, "OW101" in called.err) == (4, True)
    assert not (tmp_path / "cloud.yaml").exists()
    assert onward(*words, "Caracal").status == 0
    assert "series: '2024.1'" in (tmp_path / "cloud.yaml").read_text()


def test_a_cloud_file_that_is_there_is_kept_unless_it_is_said(onward, configuration: Path, tmp_path: Path) -> None:
    file = tmp_path / "cloud.yaml"
    file.write_text("mine")
    called = onward("init", "--from-config", configuration, "-o", file)
    assert (called.status, file.read_text()) == (4, "mine")
    assert "--force" in called.err
    assert onward("init", "--from-config", configuration, "-o", file, "--force").status == 0
    assert "keystone" in file.read_text()


def test_data_goes_to_standard_output_and_what_is_said_of_it_to_standard_error(onward, directories) -> None:
    run = start(directories, rehearsal())
    paused = onward("runs", "pause", run)
    assert (paused.status, paused.out) == (0, "")
    assert f"onward --state-dir {directories.state} runs resume {run}" in paused.err
    reported = onward("runs", "report", run)
    assert (reported.status, reported.err) == (0, "")
    assert all(Path(line).is_file() for line in reported.out.splitlines())


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("--version",), 0),
        (("--help",), 0),
        (("explain",), 0),
        (("explain", "ow201"), 0),
        (("explain", "OW000"), 2),
        (("no", "such", "command"), 2),
        (("plan", "show", "/nonexistent/plan.json"), 4),
        (("apply", "/nonexistent/plan.json"), 4),
        (("runs", "resume", "none"), 4),
        (("check", "nova", "--to", "2026.1"), 4),
        (("check", "--to", "2026.1", "--cloud", "/nonexistent/cloud.yaml"), 4),
        (("rehearse", "--cloud", "/nonexistent/cloud.yaml"), 4),
        (("rehearse", "--demo", "--dump", "x"), 2),
        (("plan", "upgrade"), 2),
    ],
)
def test_every_command_ends_with_the_status_that_is_documented(onward, words: tuple[str, ...], status: int) -> None:
    called = onward(*words)
    assert called.status == status, called.err
    assert (called.out == "") == (status != 0)
