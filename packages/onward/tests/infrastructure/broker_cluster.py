"""A real RabbitMQ cluster on loopback: private ports, a private name server, and data of its own."""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import amqp
import requests
from web_servers import Authority

from onward.hosts.command import run_command
from onward.hosts.guard import GuardedProcess, guarded

USER = "nova"
PASSWORD = "s3cret/of@nova"
COOKIE = "ONWARDSOWNCOOKIE"
START_SECONDS = 240.0
"""A machine that is busy starts three nodes in a minute."""
_PROGRAMS = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
SERVER = _PROGRAMS[-1] if _PROGRAMS else None


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def until(what: str, true: Callable[[], object], seconds: float = START_SECONDS) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


@dataclass
class Node:
    """One node."""

    name: str
    directory: Path
    amqp_port: int
    tls_port: int
    management_port: int
    distribution_port: int
    environment: dict[str, str]
    files: int
    process: GuardedProcess | None = None
    stack: ExitStack = field(default_factory=ExitStack)

    @property
    def amqp_address(self) -> str:
        return f"127.0.0.1:{self.amqp_port}"

    @property
    def tls_address(self) -> str:
        return f"127.0.0.1:{self.tls_port}"

    @property
    def management_address(self) -> str:
        return f"127.0.0.1:{self.management_port}"

    def start(self) -> None:
        assert SERVER is not None
        log = self.directory / "output.log"
        self.process = self.stack.enter_context(
            # Few files: Erlang closes all that there could be before it starts a program. Nothing of the data is kept.
            guarded(
                ["sh", "-c", f'ulimit -n {self.files} && exec "$0"', SERVER],
                log,
                environment=self.environment,
                directory=self.directory,
                stop_signal=signal.SIGKILL,
            )
        )

    @property
    def pid(self) -> int:
        """Of the Erlang machine."""
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """As a power cut does."""
        self.stack.close()
        self.process = None

    @contextmanager
    def presenting(self, certificate: Path) -> Iterator[None]:
        """The node has another certificate for a while; it is read again with the next connection."""
        served = self.directory / "server.pem"
        usual = served.read_bytes()
        served.write_bytes(certificate.read_bytes())
        self.evaluate("ssl:clear_pem_cache().")
        try:
            yield
        finally:
            served.write_bytes(usual)
            self.evaluate("ssl:clear_pem_cache().")

    def evaluate(self, expression: str) -> str:
        """What an Erlang expression gives on this node."""
        words = ["erl_call", "-sname", self.name, "-c", COOKIE, "-timeout", "60", "-e"]
        result = run_command(["sh", "-c", 'echo "$0" | "$@"', expression, *words], environment=self.environment)
        assert result.exit_status == 0, result.tail()
        assert "{error" not in result.stdout, result.stdout
        return result.stdout

    def ask(self, question: str, user: str = USER, password: str = PASSWORD) -> Any:
        """The management API's answer; None where there is none."""
        try:
            url = f"http://{self.management_address}/api/{question}"
            answer = requests.get(url, auth=(user, password), timeout=30)
            return answer.json() if answer.status_code == 200 else None
        except (requests.RequestException, ValueError):
            return None

    def connect(self) -> Any:
        """A connection of a service."""
        connection = amqp.Connection(self.amqp_address, userid=USER, password=PASSWORD, connect_timeout=60)
        connection.connect()
        return connection


class Cluster:
    """Nodes that find each other by a list. A context: leaving it ends them."""

    def __init__(self, directory: Path, size: int, *, first: int = 1, files: int = 2048, **variables: str) -> None:
        """``first`` numbers the nodes, a node may have so many ``files`` open, ``variables`` are RabbitMQ's own."""
        self._files = files
        self._directory = directory
        self._variables = variables
        self._epmd_port = free_port()
        self._stack = ExitStack()
        directory.mkdir(exist_ok=True)
        self.authority = Authority(directory / "authority")
        self.nodes = [self._node(number) for number in range(first, first + size)]
        for node in self.nodes:
            self._configure(node)

    def __enter__(self) -> "Cluster":
        environment = {**os.environ, "ERL_EPMD_ADDRESS": "127.0.0.1"}
        words = ["epmd", "-port", str(self._epmd_port)]
        try:
            self._stack.enter_context(guarded(words, self._directory / "epmd.log", environment=environment))
            until("the name server listens", lambda: _listens(self._epmd_port))
            for node in self.nodes:
                self._stack.callback(node.kill)
                node.start()
            for node in self.nodes:
                until(f"{node.name} answers", lambda node=node: self._runs(node))
            self.wait_whole()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def wait_whole(self) -> None:
        """Return when every node sees all others, and nothing is in alarm or partitioned."""
        for node in self.nodes:
            until(f"{node.name} sees a whole cluster", lambda node=node: self._whole(node))

    def restart(self, node: Node) -> None:
        """Start a node that has ended, and wait until the cluster is whole."""
        node.kill()
        node.start()
        until(f"{node.name} answers", lambda: self._runs(node))
        self.wait_whole()

    def heal(self) -> None:
        """Have the first node's side win a partition: all others begin anew from it."""
        for node in self.nodes[1:]:
            node.kill()
        for node in self.nodes[1:]:
            # One after the other, so that they do not take each other for parts of it again.
            node.start()
            until(f"{node.name} answers", lambda node=node: self._runs(node))
        self.wait_whole()

    @contextmanager
    def stopped(self, node: Node) -> Iterator[None]:
        """The node hangs: its process is there, the kernel accepts connections, and nobody answers."""
        os.kill(node.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(node.pid, signal.SIGCONT)
            self.wait_whole()

    def _runs(self, node: Node) -> bool:
        assert node.process is not None
        assert node.process.alive(), node.process.tail(40)
        found = node.ask(f"nodes/{node.name}") or {}
        return bool(found.get("running"))

    def _whole(self, node: Node) -> bool:
        seen = node.ask("nodes") or []
        return len(seen) == len(self.nodes) and all(_is_well(each) for each in seen)

    def _node(self, number: int) -> Node:
        name = f"onward{number}@localhost"
        directory = self._directory / f"node{number}"
        directory.mkdir(parents=True)
        distribution = free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._directory),
            "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": name,
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(directory),
            "RABBITMQ_LOG_BASE": str(directory),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(directory),
            # The script becomes the Erlang machine itself, so that it can be killed and stopped by its process id.
            "RUNNING_UNDER_SYSTEMD": "yes",
            # One thread, and none that waits busily: the machine has other things to do.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1} "
            "+S 1:1 +A 4 +sbwt none +sbwtdcpu none +sbwtdio none",
            **self._variables,
        }
        return Node(name, directory, free_port(), free_port(), free_port(), distribution, environment, self._files)

    def _configure(self, node: Node) -> None:
        cookie = self._directory / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(COOKIE)
            cookie.chmod(0o400)
        (node.directory / "plugins").write_text("[rabbitmq_management].\n")
        peers = [
            f"cluster_formation.classic_config.nodes.{number} = {each.name}"
            for number, each in enumerate(self.nodes, 1)
        ]
        served = node.directory / "server.pem"
        served.write_bytes(self.authority.certificate(node.name, days=400).read_bytes())
        lines = [
            f"listeners.ssl.1 = 127.0.0.1:{node.tls_port}",
            f"ssl_options.cacertfile = {self.authority.file}",
            f"ssl_options.certfile = {served}",
            f"ssl_options.keyfile = {served}",
            "ssl_options.verify = verify_none",
            f"listeners.tcp.1 = 127.0.0.1:{node.amqp_port}",
            "management.tcp.ip = 127.0.0.1",
            f"management.tcp.port = {node.management_port}",
            f"default_user = {USER}",
            f"default_pass = {PASSWORD}",
            "default_user_tags.administrator = true",
            "cluster_formation.peer_discovery_backend = classic_config",
            *peers,
            "collect_statistics_interval = 1000",
            "log.file.level = warning",
        ]
        (node.directory / "rabbitmq.conf").write_text("\n".join(lines) + "\n")


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _is_well(node: dict[str, Any]) -> bool:
    faults = node.get("partitions") or node.get("mem_alarm") or node.get("disk_free_alarm")
    return bool(node["running"] and "fd_used" in node and not faults)


def publish(node: Node, queue: str, number: int, kind: str = "classic") -> None:
    """Declare a durable queue on a node and put messages into it."""
    connection = node.connect()
    channel = connection.channel()
    channel.queue_declare(queue, durable=True, auto_delete=False, arguments={"x-queue-type": kind})
    for _ in range(number):
        channel.basic_publish(amqp.Message(b"{}"), routing_key=queue)
    connection.close()


def delete(node: Node, queues: Sequence[str]) -> None:
    """Remove queues."""
    connection = node.connect()
    channel = connection.channel()
    for queue in queues:
        channel.queue_delete(queue)
    connection.close()
