"""A rehearsal that is cancelled from another terminal while it is at work, and one that is not."""

import subprocess
import time
from collections.abc import Callable

import pytest
from rehearsing import Operator

pytestmark = [pytest.mark.environments, pytest.mark.timeout(600)]

DEADLINE_SECONDS = 300.0


def test_the_process_at_work_ends_the_run_and_removes_the_copy(operator: Operator, needs: Callable[..., None]) -> None:
    needs("2026.1", "2026.2")
    argv = operator.argv("rehearse", "--demo", "--size", "small", "--from", "2026.1")
    with subprocess.Popen(
        argv, cwd=operator.home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as ours:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not list(operator.directories.state.glob("runs/*/scratch/keystone.sqlite")):
            assert time.monotonic() < deadline, "no copy was begun"
            assert ours.poll() is None, "the rehearsal ended before it was cancelled"
            time.sleep(0.1)
        asked = operator.call("runs", "cancel", operator.run().run_id)
        assert asked.status == 0, asked.err
        assert "when its running steps have finished" in asked.err
        out, _ = ours.communicate(timeout=DEADLINE_SECONDS)
    assert out.startswith("Cancelled; ")
    assert operator.run().status == "cancelled"
    assert not (operator.workspace() / "scratch").exists()
    assert (operator.workspace() / "report.html").exists()


def test_a_rehearsal_finds_nothing_wrong_with_the_configuration_that_onward_made(
    operator: Operator, needs: Callable[..., None]
) -> None:
    needs("2026.1", "2026.2")
    ended = operator.call("rehearse", "--demo", "--size", "small", "--from", "2026.1")
    assert ended.status == 0, ended.err
    findings = (operator.run().step("check/2026.2").evidence or {})["findings"]
    assert {finding["result"] for finding in findings} == {"pass"}
    assert "To be read" not in ended.out
