"""A unit that only answers calls has ended when its last call is answered, and not before."""

import socket
import sys
import threading
from pathlib import Path

import pytest
from deploying import until

from onward.hosts.supervisor import Supervisor
from onward.model.deployment import UnitProcess
from onward.observe.listening import accepts, calls_being_answered

ADDRESS = "127.77.0.9"
SERVER = """\
import signal, socket, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
listening = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    call, _ = listening.accept()
    call.recv(1)
    call.sendall(b"answered")
    call.close()
"""
"""Answers one call after the other, each when it is told to; it does not end by itself."""


def process(directory: Path, port: int) -> UnitProcess:
    argv = (sys.executable, str(directory / "server.py"), ADDRESS, str(port))
    return UnitProcess(name="api", argv=argv, directory=str(directory), environment={})


@pytest.fixture
def port() -> int:
    with socket.create_server((ADDRESS, 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def unit(supervisor: Supervisor, tmp_path: Path, port: int) -> str:
    directory = tmp_path / "units" / "api-0"
    (directory / "log").mkdir(parents=True)
    (directory / "server.py").write_text(SERVER)
    supervisor.apply("api/0", [process(directory, port)], "1")
    until("it listens", lambda: accepts(ADDRESS, port))
    until("the call that asked is over", lambda: calls_being_answered(ADDRESS, port) == 0)
    return "api/0"


def test_a_call_that_is_being_answered_is_waited_for_and_those_behind_it_are_not(
    supervisor: Supervisor, unit: str, port: int
) -> None:
    call = socket.create_connection((ADDRESS, port))
    until("it is accepted", lambda: calls_being_answered(ADDRESS, port) == 1)
    behind = socket.create_connection((ADDRESS, port))
    asked = threading.Event()

    def unused(_unit: str, _process: str) -> bool:
        found = calls_being_answered(ADDRESS, port) == 0
        asked.set()
        return found

    stopping = threading.Thread(target=supervisor.stop, args=([unit], unused))
    stopping.start()
    assert asked.wait(60)
    assert stopping.is_alive()
    call.sendall(b"x")
    assert call.recv(100) == b"answered"
    # The server takes the next one, which says nothing and goes.
    behind.close()
    call.close()
    stopping.join(60)
    assert not stopping.is_alive()
    assert not accepts(ADDRESS, port)


def test_what_is_stopped_can_be_started_again_at_once_with_the_same_files(
    supervisor: Supervisor, unit: str, port: int, tmp_path: Path
) -> None:
    supervisor.stop([unit], lambda _unit, _process: True)
    assert not accepts(ADDRESS, port)
    supervisor.apply(unit, [process(tmp_path / "units" / "api-0", port)], "1")
    until("it listens again", lambda: accepts(ADDRESS, port))
