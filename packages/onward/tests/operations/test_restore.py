"""The way back: the backup of an upgrade takes the place of the database."""

import re
import signal
from pathlib import Path

import pytest
from installation import SQLITE_TAKES_LONG, Installation, held_open
from told import told

from onward.engine.runs import read_run

pytestmark = [pytest.mark.environments, pytest.mark.timeout(900)]

TARGET = "2026.1"


@SQLITE_TAKES_LONG
def test_an_upgrade_is_taken_back_whole_even_when_that_is_killed(installation: Installation) -> None:
    operator = installation.operator
    installation.init()
    before = installation.content()
    applied = operator.call("apply", "plan.json", "--approve", installation.plan(TARGET))
    assert applied.status == 0, applied.out + applied.err
    # Nobody starts it: the plan has no commands for that.
    assert "start keystone with the code of 2026.1" in told(applied.out)
    run = operator.run().run_id
    after = installation.content()
    assert after != before

    unapproved = operator.call("runs", "restore", run)
    assert unapproved.status == 4
    assert "OW404" in unapproved.err
    assert "since its backup will be lost" in told(unapproved.err)
    digest = re.findall(r"sha256:[0-9a-f]{64}", "".join(unapproved.err.split()))[0]
    restore = ("runs", "restore", run, "--approve", digest)
    assert installation.content() == after

    backup = Path(str((operator.run().step("backup").evidence or {})["backup"]))
    whole = backup.read_bytes()
    backup.write_bytes(whole[: len(whole) // 2])
    damaged = operator.call("runs", "restore", run)
    assert damaged.status == 4
    digest_of_damaged = re.findall(r"sha256:[0-9a-f]{64}", "".join(damaged.err.split()))[0]
    assert digest_of_damaged != digest
    damaged = operator.call("runs", "restore", run, "--approve", digest_of_damaged)
    assert damaged.status == 1, damaged.out + damaged.err
    assert "OW303" in damaged.out or "OW304" in damaged.out
    assert installation.content() == after
    backup.write_bytes(whole)

    with held_open(installation.url) as who:
        busy = operator.call(*restore)
    assert busy.status == 1
    assert "OW405" in busy.out
    assert who in busy.out
    assert installation.content() == after

    killed = operator.call(*restore, ONWARD_CRASH_AT="step.effect-done#3")
    assert killed.status == -signal.SIGKILL
    again = operator.run()
    assert again.step("restore").status == "running"
    resumed = operator.call("runs", "resume", again.run_id)
    assert resumed.status == 0, resumed.out + resumed.err
    assert resumed.out.startswith("The database of keystone is at 2025.2 again.")
    assert "No row is missing or different" in resumed.out
    assert installation.content() == before
    # A run that is done stays done: what it did, it did.
    assert read_run(operator.directories, run).status == "done"
    assert operator.call("apply", "plan.json", "--approve", installation.plan(TARGET)).status == 0
