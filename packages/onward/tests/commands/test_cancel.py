"""Giving up a run: its copy goes, what was found out stays."""

from pathlib import Path

import pytest
from run_records import rehearsal

from onward.commands.controller import start
from onward.engine.runs import read_run
from onward.hosts.scratch import SqliteScratch
from onward.hosts.state import Directories


def begun(directories: Directories, *, keep: bool) -> tuple[str, Path]:
    """A rehearsal that nobody is at work on, with the beginning of a copy."""
    run = start(directories, rehearsal(keep=keep))
    copy = directories.workspace(run) / "scratch"
    (copy / "checkpoints").mkdir(parents=True)
    SqliteScratch(copy, "keystone").path.write_bytes(b"rows")
    (directories.workspace(run) / "logs").mkdir()
    return run, copy


@pytest.mark.parametrize("keep", [False, True])
def test_a_cancelled_rehearsal_leaves_no_copy_unless_it_was_to_be_kept(
    onward, directories: Directories, keep: bool
) -> None:
    run, copy = begun(directories, keep=keep)
    called = onward("runs", "cancel", run)
    assert called.status == 0, called.err
    assert f"{run} is cancelled." in called.err
    assert read_run(directories, run).status == "cancelled"
    assert copy.exists() is keep
    assert (directories.workspace(run) / "logs").exists()


def test_a_paused_rehearsal_keeps_its_copy(onward, directories: Directories) -> None:
    run, copy = begun(directories, keep=False)
    assert onward("runs", "pause", run).status == 0
    assert copy.exists()
