"""A real HAProxy is told which servers get calls, and says which of them have answered."""

import shutil
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from deploying import until

from onward.actions.deployment.behind import Behind, drain
from onward.errors import BalancerSilent
from onward.hosts.balancer import Balancer
from onward.hosts.guard import guarded
from onward.hosts.leftovers import processes_of
from onward.observe.listening import calls_being_answered

SECONDS = 30


class Answer(BaseHTTPRequestHandler):
    """Says which server it is; /wrong is answered with an error, /slow when the test says so."""

    answer_slow = threading.Event()
    asked_slow = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.asked_slow.set()
            assert self.answer_slow.wait(SECONDS)
        self.send_response(500 if self.path == "/wrong" else 200)
        self.end_headers()
        self.wfile.write(str(self.server.server_address[1]).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def servers() -> Iterator[tuple[ThreadingHTTPServer, ...]]:
    found = tuple(ThreadingHTTPServer(("127.0.0.1", 0), Answer) for _ in range(2))
    for each in found:
        threading.Thread(target=each.serve_forever, daemon=True).start()
    yield found
    for each in found:
        each.shutdown()
        each.server_close()


@pytest.fixture
def balanced(servers: tuple[ThreadingHTTPServer, ...], tmp_path: Path) -> Iterator[tuple[Balancer, str]]:
    """A HAProxy before two servers, and its address."""
    program = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        pytest.skip("haproxy is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lines = "\n".join(
        f"  server api-{number} 127.0.0.1:{each.server_address[1]} check inter 200 rise 1"
        for number, each in enumerate(servers)
    )
    (tmp_path / "haproxy.cfg").write_text(
        f"global\n  stats socket {tmp_path}/socket mode 600 level admin\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n"
        f"frontend api\n  bind 127.0.0.1:{port}\n  default_backend api-public\nbackend api-public\n{lines}\n"
    )
    with guarded([program, "-db", "-f", tmp_path / "haproxy.cfg"], tmp_path / "log"):
        balancer, url = Balancer(tmp_path / "socket"), f"http://127.0.0.1:{port}"
        until("HAProxy answers", (tmp_path / "socket").exists)
        until("both are up", lambda: all(each.up for each in balancer.servers("api-public").values()))
        yield balancer, url
    assert processes_of(tmp_path) == []


def asked(url: str, times: int = 6) -> set[str]:
    return {requests.get(url, timeout=SECONDS).text for _ in range(times)}


def test_who_is_drained_gets_no_calls_until_it_is_ready_again(
    balanced: tuple[Balancer, str], servers: tuple[ThreadingHTTPServer, ...]
) -> None:
    balancer, url = balanced
    first, second = (str(each.server_address[1]) for each in servers)
    assert asked(url) == {first, second}
    balancer.tell("api-public", "api-0", "drain")
    assert asked(url) == {second}
    assert not balancer.servers("api-public")["api-0"].up
    balancer.tell("api-public", "api-0", "ready")
    until("it is up", lambda: balancer.servers("api-public")["api-0"].up)
    assert asked(url) == {first, second}


def test_who_stops_all_units_waits_for_the_calls_that_were_let_in_and_others_are_told_at_once(
    balanced: tuple[Balancer, str], servers: tuple[ThreadingHTTPServer, ...]
) -> None:
    balancer, url = balanced
    Answer.asked_slow.clear()
    Answer.answer_slow.clear()
    places = [
        Behind(
            socket=balancer.path,
            backend="api-public",
            server=f"api-{number}",
            address="127.0.0.1",
            port=each.server_address[1],
            url=url,
        )
        for number, each in enumerate(servers)
    ]
    answers = list[int]()
    caller = threading.Thread(target=lambda: answers.append(requests.get(f"{url}/slow", timeout=SECONDS).status_code))
    caller.start()
    assert Answer.asked_slow.wait(SECONDS)
    draining = threading.Thread(target=drain, args=(places,))
    draining.start()
    until("others are told", lambda: requests.get(url, timeout=SECONDS).status_code == 503)
    assert draining.is_alive()
    Answer.answer_slow.set()
    draining.join(SECONDS)
    caller.join(SECONDS)
    assert answers == [200]
    for place in places:
        place.let_in_where_known()
    until("all is as it was", lambda: requests.get(url, timeout=SECONDS).status_code == 200)


def test_where_the_balancer_says_nothing_units_stop_all_the_same(tmp_path: Path) -> None:
    drain([Behind(socket=tmp_path / "nobody", backend="b", server="s", address="127.0.0.1", port=1, url="http://x")])


def test_a_call_that_is_being_answered_is_seen_until_it_is_and_gets_its_answer(
    balanced: tuple[Balancer, str], servers: tuple[ThreadingHTTPServer, ...]
) -> None:
    balancer, url = balanced
    Answer.answer_slow.clear()
    balancer.tell("api-public", "api-1", "drain")
    with ThreadPoolExecutor(1) as caller:
        answer = caller.submit(requests.get, f"{url}/slow", timeout=SECONDS)
        until("it is called", lambda: balancer.servers("api-public")["api-0"].sessions == 1)
        balancer.tell("api-public", "api-1", "ready")
        balancer.tell("api-public", "api-0", "drain")
        until("the other one serves", lambda: balancer.servers("api-public")["api-1"].up)
        assert asked(url) == {str(servers[1].server_address[1])}
        assert balancer.servers("api-public")["api-0"].sessions == 1
        assert calls_being_answered(*address_of(servers[0])) == 1
        Answer.answer_slow.set()
        assert answer.result().text == str(servers[0].server_address[1])
    until("it has ended", lambda: balancer.servers("api-public")["api-0"].sessions == 0)
    until("its connection, too", lambda: calls_being_answered(*address_of(servers[0])) == 0)


def address_of(server: ThreadingHTTPServer) -> tuple[str, int]:
    return str(server.server_address[0]), int(server.server_address[1])


def test_answers_and_errors_of_each_are_counted(balanced: tuple[Balancer, str]) -> None:
    balancer, url = balanced
    balancer.tell("api-public", "api-1", "drain")
    requests.get(url, timeout=SECONDS)
    requests.get(f"{url}/wrong", timeout=SECONDS)
    seen = balancer.servers("api-public")["api-0"]
    assert (seen.good, seen.bad, seen.sessions) == (1, 1, 0)


def test_what_it_does_not_know_and_silence_are_errors(balanced: tuple[Balancer, str], tmp_path: Path) -> None:
    balancer, _ = balanced
    with pytest.raises(BalancerSilent) as refused:
        balancer.tell("api-public", "api-7", "drain")
    assert "No such server" in refused.value.evidence
    with pytest.raises(BalancerSilent):
        Balancer(tmp_path / "nobody").servers("api-public")
