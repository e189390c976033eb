"""A cluster of brokers that takes longer to make a virtual host than it waits itself."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from test_shared_broker import context

from onward.actions.deployment.broker_grant import GrantBroker
from onward.errors import StepFailed
from onward.hosts.state import Directories
from onward.plan.deployment.grant import GrantWish
from onward.plan.step import Step


class Broker(ThreadingHTTPServer):
    """Answers as RabbitMQ 3.10 does whose nodes are slow: 500; one never runs the virtual host by itself."""

    def __init__(self, *, makes: bool) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.makes = makes
        self.started: list[str] = []
        self.asked: list[str] = []


class Answers(BaseHTTPRequestHandler):
    server: Broker

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.path)
        if "vhosts" in self.path:
            self._answer(500, {"error": "timed out while waiting for the vhost to initialise", "reason": "timeout"})
        else:
            self._answer(201, {})

    def do_GET(self) -> None:
        if not self.server.makes:
            self._answer(404, {"error": "Object Not Found"})
            return
        states = {"rabbit@a": "running", "rabbit@b": "running" if self.server.started else "stopped"}
        self._answer(200, {"name": "nova", "cluster_state": states})

    def do_POST(self) -> None:
        self.server.started.append(self.path)
        self._answer(204, None)

    def _answer(self, status: int, body: object) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with Broker(makes=request.param) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def grant(directories: Directories, broker: Broker, workspace: Path) -> None:
    store = directories.model_store("mine")
    store.ensure_secrets({"nova/amqp": "password", "rabbitmq-server/administrator": "password"})
    wish = GrantWish(
        application="nova",
        provider="rabbitmq-server",
        wants={"vhost": "nova", "user": "nova"},
        secret="nova/amqp",
        address="127.0.0.1",
        ports={"amqp": 5672, "management": broker.server_address[1]},
        socket="",
        offers={},
    )
    step = Step(
        id="grant/nova/amqp/rabbitmq-server",
        action="broker.grant",
        target="rabbitmq-server for nova",
        arguments=wish.model_dump(mode="json"),
        reason="nova sends messages",
        phase="deploy",
    )
    GrantBroker(directories).apply(context(step, workspace))


@pytest.mark.parametrize("broker", [True], indirect=True)
def test_a_node_that_does_not_run_a_virtual_host_is_told_to_and_nobody_is_told_of_it_before(
    broker: Broker, directories: Directories, tmp_path: Path
) -> None:
    grant(directories, broker, tmp_path)
    assert broker.started == ["/api/vhosts/nova/start/rabbit%40b"]
    assert broker.asked[-1] == "/api/permissions/nova/nova"


@pytest.mark.parametrize("broker", [False], indirect=True)
def test_one_that_nobody_makes_is_refused_with_the_brokers_own_words(
    broker: Broker, directories: Directories, tmp_path: Path
) -> None:
    with pytest.raises(StepFailed, match="the broker refuses") as refused:
        grant(directories, broker, tmp_path)
    assert "timed out while waiting for the vhost" in refused.value.evidence
    assert len(broker.asked) == 1
