"""What is waited for and why, and a model that is watched while it changes."""

import io
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace

import pytest
from bundles import KEYSTONE, wish
from deploying import Operator, until

from onward.engine.record import RunRecord, StepRecord, StepStatus
from onward.model.status import ModelStatus, UnitStatus
from onward.plan.deployment.planner import plan_deployment
from onward.survey.waiting import what_is_waited_for
from onward.views.model_status import StatusWatch
from onward.views.page import Medium, Page

PLAN = plan_deployment(wish(KEYSTONE.format(name="demo")))
AT_FIRST = ("record", "supervisor", "configure/", "environment/")


def run(statuses: Mapping[str, StepStatus]) -> RunRecord:
    """A run of the plan; steps of which nothing is said wait."""
    steps = tuple(StepRecord(step, statuses.get(step.id, "waiting")) for step in PLAN.steps)
    return RunRecord("deployment-1", PLAN, "running", 0.0, None, steps)


@pytest.mark.parametrize(
    ("statuses", "step", "said"),
    [
        (
            {"start/mariadb/0": "running"},
            "start/keystone/1",
            "keystone's first data, which waits for mariadb/0 to serve (at work), memcached/0 to serve",
        ),
        (
            {"start/mariadb/0": "failed", "start/memcached/0": "done"},
            "start/keystone/1",
            "keystone's first data, which waits for mariadb/0 to serve (failed)",
        ),
        (
            {
                "start/mariadb/0": "done",
                "start/memcached/0": "done",
                "grant/keystone/shared-db/mariadb": "done",
                "initialise/keystone": "running",
            },
            "start/keystone/1",
            "keystone's first data (at work)",
        ),
        ({}, "start/memcached/0", ""),
    ],
)
def test_what_is_waited_for_is_said_with_its_cause(statuses: Mapping[str, StepStatus], step: str, said: str) -> None:
    done: dict[str, StepStatus] = {step.id: "done" for step in PLAN.steps if step.id.startswith(AT_FIRST)}
    assert what_is_waited_for(run({**done, **statuses}), step) == said


UNIT = UnitStatus("keystone/0", "waiting", "127.16.0.1", (), "for mariadb/0 to serve (at work)")
STATUS = ModelStatus((UNIT,), ("deployment-1 is running: 3 of 9 steps done",), (("start/mariadb/0", 0.0),))


def test_in_a_pipe_a_line_is_printed_for_each_change_and_for_nothing_else() -> None:
    stream = io.StringIO()
    watch = StatusWatch(stream, "demo")
    for unit in (UNIT, UNIT, replace(UNIT, state="active", message="")):
        watch.show(replace(STATUS, units=(unit,)))
    watch.show(replace(STATUS, units=()))
    lines = [line[10:] for line in stream.getvalue().splitlines()]
    assert lines == [
        "keystone/0 waiting: for mariadb/0 to serve (at work)",
        "deployment-1 is running: 3 of 9 steps done",
        "keystone/0 active",
        "keystone/0 is gone",
    ]


def test_where_there_is_not_room_for_all_those_are_shown_that_need_somebody() -> None:
    units = tuple(UnitStatus(f"nova-compute/{number}", "active", "", (), "") for number in range(500))
    failed = UnitStatus("nova-compute/500", "failed", "", (), "compute: fatal, exited too quickly")
    watch = StatusWatch(io.StringIO(), "demo")
    watch.page = Page(io.StringIO(), Medium(columns=60))
    lines = [text.plain for text in watch.drawn(replace(STATUS, units=(*units, failed)), 65.0, rows=10)]
    assert lines[0].startswith("demo: 500 of 501 units active")
    assert "failed" in lines[1]
    assert "quickly" in lines[1] + lines[2]
    assert "  and 492 more" in lines
    assert any("start/mariadb/0" in line and "1 min 05 s" in line for line in lines)
    assert all(len(line) <= 60 for line in lines)


@pytest.mark.environments
@pytest.mark.mariadb
@pytest.mark.timeout(1200)
def test_a_model_is_watched_until_somebody_has_seen_enough(deployed: Operator) -> None:
    argv = [sys.executable, "-m", "onward.commands.main", *deployed.where(), "status", "small", "--watch"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        seen = ""
        try:
            for line in watching.stdout:
                seen += line
                if "haproxy/0" in line:
                    break
        finally:
            watching.send_signal(signal.SIGINT)
        until("it ends", lambda: watching.poll() is not None)
        assert watching.returncode == 0, watching.stderr and watching.stderr.read()
    assert seen.splitlines()[0].split()[1:] == ["mariadb/0", "active"]
