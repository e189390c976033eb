"""A run that is at work, seen and steered from another process."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from installation import Installation
from told import told

from onward.engine.runs import list_runs

pytestmark = [pytest.mark.environments, pytest.mark.timeout(900)]

TARGET = "2026.1"
BEFORE = ["47147121", "c88cdce8f248"]


@pytest.fixture
def installation(install, tmp_path: Path) -> Installation:
    """On SQLite alone: what is looked at here is the same everywhere."""
    made: Installation = install("sqlite", tmp_path / "cloud")
    made.init("keystone/0", "keystone/1")
    return made


@contextmanager
def halted_at_stop(installation: Installation) -> Iterator["Halted"]:
    """An `onward apply` at work, whose first unit does not stop before it is let go."""
    file = installation.operator.home / "cloud.yaml"
    cloud = yaml.safe_load(file.read_text())
    unit = cloud["services"]["keystone"]["units"][0]
    go = installation.home / "go"
    wait = f"while [ ! -e {go} ]; do sleep 0.1; done; exec {' '.join(unit['stop'])}"
    unit["stop"] = ["/bin/sh", "-c", wait]
    file.write_text(yaml.safe_dump(cloud))
    digest = installation.plan(TARGET)
    process = subprocess.Popen(
        installation.operator.argv("apply", "plan.json", "--approve", digest),
        cwd=installation.operator.home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    halted = Halted(installation, process, go, digest)
    try:
        halted.wait_for("stop/keystone/1", "done")
        yield halted
    finally:
        go.touch()
        if process.poll() is None:
            process.kill()
        process.communicate()


class Halted:
    def __init__(self, installation: Installation, process: "subprocess.Popen[str]", go: Path, digest: str) -> None:
        self.installation = installation
        self.process = process
        self.go = go
        self.digest = digest
        self.run = ""

    def wait_for(self, step: str, status: str) -> None:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            for record in list_runs(self.installation.operator.directories):
                self.run = record.run_id
                if record.step(step).status == status:
                    return
            time.sleep(0.1)
        raise AssertionError(f"{step} was not {status} in time")

    def end(self) -> tuple[int, str]:
        self.go.touch()
        out, err = self.process.communicate(timeout=240)
        return self.process.returncode, out + err


def test_one_run_at_a_time_and_a_run_at_work_is_shown_paused_and_resumed(installation: Installation) -> None:
    operator = installation.operator
    with halted_at_stop(installation) as at_work:
        run = at_work.run
        second = operator.call("apply", "plan.json", "--approve", at_work.digest)
        assert second.status == 6
        assert "OW501" in second.err
        assert run in second.err
        assert "Nothing was begun; the other run goes on." in told(second.err)
        # What was refused leaves no run that looks as if it had to be dealt with.
        listed = operator.call("runs", "list", "-f", "value", "-c", "Run", "-c", "Status", "-c", "Steps")
        assert listed.out.split() == [run, "running", "5/13"]
        assert operator.call("runs", "resume", run).status == 6
        shown = operator.call("runs", "show", run, "-f", "value", "-c", "Step", "-c", "Status")
        assert "stop/keystone/0 running" in shown.out.splitlines()
        assert "stop/keystone/1 done" in shown.out.splitlines()
        drawn = operator.call("runs", "show", run, "--timeline")
        assert drawn.out.startswith("Still running: 5 of 13 steps done.")
        assert "The outage of keystone has begun and is not over." in told(drawn.out)
        assert "No migration has begun: the database is as it was." in told(drawn.out)
        report = operator.call("runs", "report", run, "--report-dir", "so-far")
        assert report.out.split() == [str(Path("so-far") / name) for name in ("report.html", "report.json")]
        refused = operator.call("runs", "restore", run)
        assert refused.status == 4
        assert "OW506" in refused.err
        asked = operator.call("runs", "pause", run)
        assert asked.status == 0
        assert f"onward runs resume {run}" in told(asked.out + asked.err)
        status, said = at_work.end()
    assert status == 5, said
    assert "Paused by request" in said
    assert "No migration has begun: the database is as it was." in told(said)
    assert f"onward runs resume {run}" in told(said)
    assert installation.heads() == BEFORE
    assert len(list_runs(operator.directories)) == 1
    resumed = operator.call("runs", "resume", run)
    assert resumed.status == 0, resumed.out + resumed.err
    assert [line.split()[:2] for line in installation.ledger_lines()[:2]] == [
        ["stop", "keystone/1"],
        ["stop", "keystone/0"],
    ]
    assert sorted(line.split()[0] for line in installation.ledger_lines()) == ["start", "start", "stop", "stop"]


def test_a_run_that_is_cancelled_from_elsewhere_says_how_the_service_comes_back(installation: Installation) -> None:
    operator = installation.operator
    with halted_at_stop(installation) as at_work:
        run = at_work.run
        asked = operator.call("runs", "cancel", run)
        assert asked.status == 0
        assert "when its running steps have finished" in asked.err
        status, said = at_work.end()
    assert status == 1, said
    assert "Cancelled" in said
    assert "No migration has begun: the database is as it was." in told(said)
    assert "start keystone with the code of 2025.2, on every host" in told(said)
    assert installation.heads() == BEFORE
    assert operator.run().status == "cancelled"
    for verb in ("resume", "pause", "cancel"):
        again = operator.call("runs", verb, run)
        assert again.status == 4
        assert "OW504" in again.err
    unrestorable = operator.call("runs", "restore", run)
    assert unrestorable.status == 4
    assert "the database is as it was" in told(unrestorable.err)
    # A plan that is given up is no obstacle to the next one.
    assert operator.call("apply", "plan.json", "--approve", at_work.digest).status == 0
