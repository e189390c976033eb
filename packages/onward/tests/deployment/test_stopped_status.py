"""What is said of a unit that was stopped on purpose."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploying import Operator, until
from remembered import remembered_models

from onward.hosts.state import Directories
from onward.hosts.supervisor import Supervisor
from onward.model.deployment import UnitProcess
from onward.survey.status import survey_status

BUNDLE = "name: stopped\napplications:\n  memcached:\n"
WAITS = "import signal; signal.pause()"


@pytest.fixture
def operator(tmp_path: Path, session_directories: Directories) -> Iterator[Operator]:
    cache = session_directories.cache
    found = remembered_models(tmp_path, cache, {"stopped": BUNDLE}, lambda step: step.action == "unit.start")
    found.supervisor("stopped").ensure()
    yield found
    found.supervisor("stopped").end()


def begin(operator: Operator) -> Supervisor:
    store = operator.store("stopped")
    directory = store.unit_directory("memcached/0")
    (directory / "log").mkdir(parents=True, exist_ok=True)
    process = UnitProcess(name="cache", argv=(sys.executable, "-c", WAITS), directory=str(directory), environment={})
    supervisor = operator.supervisor("stopped")
    supervisor.apply("memcached/0", [process], "1")
    return supervisor


def test_a_unit_that_somebody_has_stopped_has_not_failed(operator: Operator) -> None:
    supervisor = begin(operator)
    # Told between its fork and its exec, it would not hear.
    until("it runs", lambda: [each.state for each in supervisor.states("memcached/0")] == ["RUNNING"])
    supervisor.stop(["memcached/0"])
    assert [each.state for each in supervisor.states("memcached/0")] == ["STOPPED"]
    (unit,) = survey_status(operator.directories, "stopped").units
    assert (unit.state, unit.message) == ("stopped", "no process of it runs")


def test_a_unit_that_is_stopped_by_a_signal_is_not_called_active(operator: Operator) -> None:
    supervisor = begin(operator)
    until("it runs", lambda: [each.state for each in supervisor.states("memcached/0")] == ["RUNNING"])
    (pid,) = [each.pid for each in supervisor.states("memcached/0")]
    os.kill(pid, signal.SIGSTOP)
    try:
        until("it is held", lambda: survey_status(operator.directories, "stopped").units[0].state == "unreachable")
        (unit,) = survey_status(operator.directories, "stopped").units
    finally:
        os.kill(pid, signal.SIGCONT)
    assert unit.message == f"process {pid} is stopped by a signal; kill -CONT {pid} lets it go on"
    assert survey_status(operator.directories, "stopped").units[0].state == "active"
