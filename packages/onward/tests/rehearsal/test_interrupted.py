"""Killed, paused or sabotaged: a rehearsal ends at a known place and goes on from there."""

import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable

import pytest
from rehearsing import Operator
from told import told

from onward.engine.crash import CRASH_POINTS
from onward.engine.runs import list_runs

pytestmark = [pytest.mark.environments, pytest.mark.timeout(900)]

# Of these two series the later one changes the schema.
SHORT = ("rehearse", "--demo", "--size", "small", "--from", "2025.2", "--to", "2026.1", "--keep")
STEPS = 13
"""Steps of that rehearsal; checked below, so that the enumeration is of all of them."""


def essence(operator: Operator) -> dict[str, object]:
    """What two runs of the same rehearsal must agree on."""
    record = operator.run()
    return {
        "status": record.status,
        "steps": {step.step.id: step.status for step in record.steps},
        "rows": {step.step.id: (step.evidence or {}).get("rows") for step in record.steps if "census" in step.step.id},
        **{f"check {check['name']}": check for check in (record.step("prove").evidence or {}).get("checks", [])},
        "seeded": (record.step("seed").evidence or {}).get("counts"),
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, session_directories, environment_choice) -> dict[str, object]:
    from onward.hosts.state import Directories

    for series in ("2025.2", "2026.1"):
        environment_choice(series)
    home = tmp_path_factory.mktemp("undisturbed")
    operator = Operator(Directories(home / "state", session_directories.cache), home)
    ended = operator.call(*SHORT)
    assert ended.status == 0, ended.out + ended.err
    assert len(operator.run().steps) == STEPS
    return essence(operator)


def killed_and_resumed(operator: Operator, crash: str) -> None:
    first = operator.call(*SHORT, ONWARD_CRASH_AT=crash)
    assert first.status == -signal.SIGKILL, f"{crash} was not met: {first.out[-500:]}{first.err[-500:]}"
    (record,) = list_runs(operator.directories)
    assert record.status in ("waiting", "interrupted", "done"), record.status
    if record.status != "done":
        again = operator.call("runs", "resume", record.run_id)
        assert again.status == 0, again.out + again.err


@pytest.mark.parametrize("crash", ["step.effect-done#6", pytest.param("step.recorded#9", marks=pytest.mark.full)])
def test_killed_in_the_middle_it_ends_as_if_nothing_had_been(
    operator: Operator, undisturbed: dict[str, object], crash: str
) -> None:
    killed_and_resumed(operator, crash)
    assert essence(operator) == undisturbed


EVERY_CRASH_POINT = [
    f"{point}#{number}" for point in CRASH_POINTS for number in range(1, STEPS + 1 if point.startswith("step.") else 2)
]


@pytest.mark.full
@pytest.mark.parametrize("crash", EVERY_CRASH_POINT)
def test_killed_at_every_crash_point_of_every_step(
    operator: Operator, undisturbed: dict[str, object], crash: str
) -> None:
    killed_and_resumed(operator, crash)
    assert essence(operator) == undisturbed


@pytest.mark.full
@pytest.mark.parametrize("seed", range(50))
def test_killed_at_a_random_instant(operator: Operator, undisturbed: dict[str, object], seed: int) -> None:
    process = subprocess.Popen(
        operator.argv(*SHORT), cwd=operator.home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(random.Random(seed).uniform(0.5, 20.0))  # noqa: S311 - any instant will do
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for record in list_runs(operator.directories):
        if record.status != "done":
            again = operator.call("runs", "resume", record.run_id)
            assert again.status == 0, again.out + again.err
    if list_runs(operator.directories):
        assert essence(operator) == undisturbed


def wait_for_step(operator: Operator, step_id: str, seconds: float = 240) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for record in list_runs(operator.directories):
            if record.step(step_id).status == "done":
                return record.run_id
        time.sleep(0.1)
    raise AssertionError(f"{step_id} was not done in time")


def test_a_second_run_at_once_is_refused_and_ctrl_c_leaves_a_run_to_resume(
    operator: Operator, needs: Callable[..., None]
) -> None:
    needs("2025.2", "2026.1")
    process = subprocess.Popen(
        operator.argv(*SHORT), cwd=operator.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        run = wait_for_step(operator, "scratch")
        second = operator.call(*SHORT)
        assert second.status == 6
        assert "OW501" in second.out + second.err
        assert run in second.out + second.err
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=240)
    assert process.returncode == 130, out + err
    assert f"onward runs resume {run}" in told(out + err)
    assert operator.call("runs", "resume", run).status == 0


def test_lost_rows_and_changed_values_fail_the_rehearsal_by_name(
    operator: Operator, needs: Callable[..., None]
) -> None:
    needs("2025.2", "2026.1")
    # The last migration has been recorded, and the census after it has not begun.
    crash = f"step.handed-out#{STEPS - 1}"
    assert operator.call(*SHORT, ONWARD_CRASH_AT=crash).status == -signal.SIGKILL
    record = operator.run()
    assert record.step("migrate/2026.1").status == "done"
    (database,) = (operator.workspace() / "scratch").glob("*.sqlite")
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        (gone,) = connection.execute("SELECT id FROM credential ORDER BY id LIMIT 1").fetchone()
        connection.execute("DELETE FROM credential WHERE id = ?", (gone,))
        (changed,) = connection.execute("SELECT id FROM region ORDER BY id LIMIT 1").fetchone()
        connection.execute("UPDATE region SET description = 'tampered' WHERE id = ?", (changed,))
    connection.close()
    ended = operator.call("runs", "resume", record.run_id)
    assert ended.status == 1
    (failure,) = operator.run().failures
    assert failure.error is not None
    assert failure.error["code"] == "OW602"
    assert "credential: 1 rows are missing" in failure.error["evidence"]
    assert gone in failure.error["evidence"]
    assert "region.description" in failure.error["evidence"]
    assert changed in failure.error["evidence"]
    assert "OW602" in ended.out + ended.err
