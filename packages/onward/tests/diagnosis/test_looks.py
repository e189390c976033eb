"""What is seen of a server, and read in a log."""

import socket
from datetime import UTC, datetime
from pathlib import Path

from onward.diagnosis.dependencies import Dependencies
from onward.hosts.supervisor import ProcessState
from onward.model.deployment import ReadyProbe
from onward.observe.complaints import complaints
from onward.observe.serving import serving
from onward.survey.sighting import stopped

DATABASE = frozenset({"mysql-shared"})


def seen(port: int, interfaces: frozenset[str] = DATABASE) -> str:
    return serving(ReadyProbe(address="127.0.0.1", port=port, seconds=1), interfaces)[0]


def test_one_that_the_kernel_answers_for_is_told_from_one_that_is_gone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert seen(port) == "timed-out"
        assert seen(port, frozenset()) == "ok"
    assert seen(port) == "refused"


def test_a_traceback_is_one_error_and_what_is_old_is_none(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    now = datetime.now().astimezone()
    line = f"""{now:%Y-%m-%d %H:%M:%S}.138 7 ERROR keystone (1045, "Access denied for user 'keystone'@'127.0.0.1'")\n"""
    old = '2020-01-01 00:00:00.000 7 ERROR keystone (2003, "Can\'t connect to MySQL server")\n'
    log.write_text(old + line * 3 + "no time: Access denied for user\n")
    (found,) = complaints(log, datetime.now(UTC).timestamp() - 60)
    assert (found.interface, found.saw, found.times) == ("mysql-shared", "login-refused", 1)


def test_a_log_that_there_is_not_says_nothing(tmp_path: Path) -> None:
    assert list(complaints(tmp_path / "none.log", 0)) == []


def test_a_certificate_that_is_not_accepted_is_no_refused_connection(tmp_path: Path) -> None:
    """PyMySQL has one number for all ways in which it does not get a connection."""
    log = tmp_path / "api.log"
    words = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1016)"
    now = datetime.now().astimezone()
    log.write_text(f"""{now:%Y-%m-%d %H:%M:%S}.138 7 ERROR (2003, "Can't connect to MySQL server ({words})")\n""")
    (found,) = complaints(log, datetime.now(UTC).timestamp() - 60)
    assert (found.interface, found.saw) == ("mysql-shared", "certificate")


def test_a_unit_whose_processes_are_being_stopped_one_after_the_other_is_not_down() -> None:
    graph = Dependencies({"rabbitmq-server": ("rabbitmq-server/0",)}, {"rabbitmq-server": ()})

    def states(*words: str) -> dict[str, list[ProcessState]]:
        return {"rabbitmq-server/0": [ProcessState("rabbitmq-server/0", each, each, 0, 0, "") for each in words]}

    assert list(stopped(graph, states("STOPPED", "STOPPING"), set())) == []
    assert [each.saw for each in stopped(graph, states("STOPPED", "STOPPED"), set())] == ["stopped"]
    assert [each.saw for each in stopped(graph, states("BACKOFF", "STARTING"), set())] == ["stopped"]
