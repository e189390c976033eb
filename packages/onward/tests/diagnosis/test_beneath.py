"""What the kernel tells of processes and connections, whatever these say themselves: real ones of this machine."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ctypes import Structure, addressof, c_ubyte, c_uint32, c_ushort

import pytest

from onward.diagnosis.causes import diagnose
from onward.diagnosis.dependencies import Dependencies
from onward.diagnosis.observation import ONWARD, Observation
from onward.diagnosis.places import Places
from onward.diagnosis.sighting import Sighting, observations
from onward.hosts.supervisor import ProcessState
from onward.observe.connections import Connection, connections, read_connections
from onward.observe.processes import halted, of_process
from onward.survey.beneath import CROWD, MORE_THAN_A_HEARTBEAT, Beneath, cut_off, reads_nothing

pytestmark = pytest.mark.skipif(shutil.which("ss") is None, reason="ss of iproute2 is missing")
GRAPH = Dependencies(
    units={"mariadb": ("mariadb/0",), "glance": ("glance/0", "glance/1"), "cinder-scheduler": ("cinder-scheduler/0",)},
    uses={"mariadb": (), "glance": ("mariadb",), "cinder-scheduler": ()},
)
NOWHERE = Places({}, {}, {})
SO_ATTACH_FILTER = 26
"""Linux's asm-generic/socket.h."""
MOST_SECONDS = 20.0


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MOST_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process with a worker, as servers have them."""
    code = "import os, time; os.fork(); time.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
    until(lambda: len(of_process(process.pid)) == 2)
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def states(unit: str, pid: int) -> dict[str, list[ProcessState]]:
    return {unit: [ProcessState(unit, "api", "RUNNING", pid, 99, "")]}


def drop_all_that_comes(connection: socket.socket) -> None:
    """A socket filter of one instruction, that nothing passes: the network leads to it no more."""

    class Instruction(Structure):
        _fields_ = [("code", c_ushort), ("jt", c_ubyte), ("jf", c_ubyte), ("k", c_uint32)]

    nothing = Instruction(6, 0, 0, 0)
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", 1, addressof(nothing)))


def test_a_unit_that_somebody_holds_says_so_itself(sleeper: subprocess.Popen[bytes]) -> None:
    assert list(Beneath(GRAPH, states("glance/0", sleeper.pid)).second_look(NOWHERE, ())) == []
    os.killpg(sleeper.pid, signal.SIGSTOP)
    until(lambda: halted(of_process(sleeper.pid)))
    (found,) = Beneath(GRAPH, states("glance/0", sleeper.pid)).second_look(NOWHERE, ())
    assert (found.user, found.about, found.saw) == ("glance/0", "glance/0", "held")
    assert str(sleeper.pid) in found.detail


def test_a_worker_that_runs_on_is_not_held(sleeper: subprocess.Popen[bytes]) -> None:
    os.kill(sleeper.pid, signal.SIGSTOP)
    until(lambda: of_process(sleeper.pid)[0].status() == "stopped")
    assert not halted(of_process(sleeper.pid))


@pytest.mark.parametrize("greets", [False, True], ids=["sends", "greets"])
def test_who_is_never_acknowledged_is_cut_off(greets: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as caller:
        address, port = server.getsockname()
        caller.setblocking(greets is False)
        if greets:
            drop_all_that_comes(caller)
            caller.connect_ex((address, port))
        else:
            caller.connect((address, port))
            drop_all_that_comes(caller)
            caller.send(b"a question")
        places = Places({f"{address}:{port}": "mariadb/0"}, {}, {})

        def told() -> list[Observation]:
            return list(cut_off(connections(), {os.getpid(): "glance/0"}, GRAPH, places, time.time()))

        assert told() == []
        until(lambda: bool(told()))
        (found,) = told()
        assert (found.user, found.about, found.saw) == ("glance/0", "mariadb/0", "timed-out")
        # Of its own application, and of what is not of this model, it says nothing.
        assert not list(cut_off(connections(), {os.getpid(): "mariadb/0"}, GRAPH, places, 0.0))
        assert not list(cut_off(connections(), {os.getpid(): "glance/0"}, GRAPH, NOWHERE, 0.0))


def test_a_server_that_hangs_acknowledges_what_comes() -> None:
    """Its kernel does: it is no fault of the network."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as caller:
        caller.send(b"a question")
        here = "{}:{}".format(*server.getsockname())
        until(lambda: any(each.other == here and not each.unsent for each in connections()))
        (found,) = (each for each in connections() if each.other == here)
        assert (found.state, found.tried_again, found.pids) == ("ESTAB", 0, {os.getpid()})


def test_who_reads_nothing_of_what_has_come_is_told_from_who_is_slow() -> None:
    def seen(received: int, unread: int) -> Connection:
        return Connection("ESTAB", "127.0.0.1:40000", "127.0.0.1:5672", unread, 0, 0, received, frozenset({7}))

    assert reads_nothing(seen(500, 200), [seen(900, 600)])
    assert not reads_nothing(seen(500, 200), [seen(900, 500)])
    assert not reads_nothing(seen(500, 200), [])


def test_a_unit_that_is_called_through_a_broker_and_reads_nothing_hangs(sleeper: subprocess.Popen[bytes]) -> None:
    """Not held by anybody: its code waits for something else."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as broker:
        taken, _ = server.accept()
        with taken:
            broker.send(b"x" * (MORE_THAN_A_HEARTBEAT + 1))
            here = states("cinder-scheduler/0", os.getpid())
            unit = "cinder-scheduler/0"
            (found,) = Beneath(GRAPH, here).second_look(NOWHERE, {unit})
            assert (found.user, found.about, found.saw) == (unit, unit, "timed-out")
            assert list(Beneath(GRAPH, here).second_look(NOWHERE, ())) == []


def test_callers_who_are_taken_one_after_the_other_are_too_many_and_no_hang() -> None:
    with ExitStack() as open_, socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        address = server.getsockname()
        for _ in range(CROWD + 4):
            open_.enter_context(socket.create_connection(address))
        here = states("glance/0", os.getpid())
        assert list(Beneath(GRAPH, here).second_look(NOWHERE, ())) == []
        first = Beneath(GRAPH, here)
        open_.enter_context(server.accept()[0])
        (found,) = first.second_look(NOWHERE, ())
        assert (found.user, found.about, found.saw) == ("glance/0", "glance/0", "too-many")
        assert found.detail.startswith(f"{CROWD + 3} callers")


def test_what_ss_says_is_read() -> None:
    line = (
        'SYN-SENT 0 1 127.0.0.1:41122 127.9.9.8:3306 users:(("uwsgi",pid=7,fd=5),("uwsgi",pid=8,fd=5)) '
        "timer:(on,048ms,3) bbr rto:1000 bytes_received:12\n"
    )
    (found,) = read_connections("LISTEN\n" + line)
    assert found == Connection("SYN-SENT", "127.0.0.1:41122", "127.9.9.8:3306", 0, 1, 3, 12, frozenset({7, 8}))
    assert found.waited_seconds == 7


def named(*seen: Observation) -> list[tuple[str, str]]:
    told = diagnose(list(observations(Sighting(100.0, seen, ()), NOWHERE)), GRAPH)
    return [(each.kind, each.subject) for each in told.causes]


def test_a_network_is_named_where_the_kernel_has_no_acknowledgement_and_onward_reaches_it() -> None:
    hangs = [Observation(ONWARD, f"glance/{number}", "timed-out", 90.0) for number in range(2)]
    well = Observation(ONWARD, "mariadb/0", "ok", 90.0)
    assert named(*hangs, well) == [("down", "glance")]
    waits = Observation("glance/0", "mariadb/0", "timed-out", 93.0)
    assert named(*hangs, well, waits) == [("network", "glance - mariadb")]


def test_one_that_is_held_is_down_though_its_callers_were_served_just_now() -> None:
    """And though its connection to the broker still stands."""
    held = Observation("cinder-scheduler/0", "cinder-scheduler/0", "held", 99.0)
    others = [Observation(user, "cinder-scheduler/0", "ok", 98.0) for user in (ONWARD, "glance/0", "glance/1")]
    assert named(held, *others) == [("down", "cinder-scheduler/0")]


def test_one_that_has_too_little_of_the_processor_is_slow_however_long_it_takes() -> None:
    hangs = Observation(ONWARD, "glance/0", "timed-out", 90.0)
    starved = Observation("glance/0", "glance/0", "starved", 95.0)
    assert named(hangs) == [("node-down", "glance/0")]
    assert named(hangs, starved) == [("slow", "glance/0")]


def test_an_api_with_too_many_callers_is_overloaded_and_not_down() -> None:
    hangs = Observation(ONWARD, "glance/0", "timed-out", 90.0)
    crowd = Observation("glance/0", "glance/0", "too-many", 95.0)
    assert named(hangs, crowd) == [("overload", "glance/0")]


def test_a_process_that_is_held_is_nothing_that_another_fault_passes_on() -> None:
    """A full disk of the broker would explain that its callers wait."""
    graph = Dependencies(
        units={"rabbitmq-server": ("rabbitmq-server/0",), "cinder-scheduler": ("cinder-scheduler/0",)},
        uses={"rabbitmq-server": (), "cinder-scheduler": ("rabbitmq-server",)},
    )
    full = Observation("rabbitmq-server/0", "rabbitmq-server/0", "no-space", 90.0)
    held = Observation("cinder-scheduler/0", "cinder-scheduler/0", "held", 95.0)
    told = diagnose([full, held], graph)
    assert {(each.kind, each.subject) for each in told.causes} == {
        ("disk", "rabbitmq-server/0"),
        ("down", "cinder-scheduler/0"),
    }
