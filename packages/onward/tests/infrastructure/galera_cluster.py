"""A real Galera cluster on loopback, whose nodes can be killed, stopped and cut off."""

import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pymysql

from onward.hosts.command import run_command
from onward.hosts.guard import GuardedProcess, guarded
from onward.hosts.mariadb import find_tool

PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")
PASSWORD = "Gr8Secret-of-the-database"
SECONDS = 180.0
"""For whatever a node has to do; the machine may be busy."""

# A joining node asks another for a copy, by a program of this name. Here all nodes begin with copies of one directory,
# and what happened since comes over Galera's own incremental transfer: the donor only has to say from where on.
_TRANSFER = """#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
        --role) role=$2 ;;
        --address) address=$2 ;;
        --gtid) gtid=$2 ;;
    esac
    shift
done
meeting=$ONWARD_TEST_TRANSFERS/$(echo "$address" | tr -cd 0-9)
if [ "$role" = joiner ]; then
    rm -f "$meeting"
    echo "ready $address"
    while [ ! -e "$meeting" ]; do
        kill -0 "$PPID" || exit 1
        sleep 0.1
    done
    cat "$meeting"
else
    echo "$gtid" > "$meeting.new"
    mv "$meeting.new" "$meeting"
    echo "done $gtid"
fi
"""

_SCHEMA = (
    "CREATE DATABASE keystone",
    "CREATE TABLE keystone.project (id INT PRIMARY KEY, name VARCHAR(64))",
    "INSERT INTO keystone.project VALUES (1, 'admin'), (2, 'service')",
    f"CREATE USER keystone@'%' IDENTIFIED BY '{PASSWORD}'",
    "GRANT SELECT ON keystone.* TO keystone@'%'",
    "GRANT PROCESS ON *.* TO keystone@'%'",
    f"CREATE USER poor@'%' IDENTIFIED BY '{PASSWORD}'",
    "GRANT SELECT ON keystone.* TO poor@'%'",
    f"CREATE USER watcher@'%' IDENTIFIED BY '{PASSWORD}'",
    "GRANT PROCESS, SLAVE MONITOR ON *.* TO watcher@'%'",
    f"CREATE USER replicator@'%' IDENTIFIED BY '{PASSWORD}'",
    "GRANT REPLICATION SLAVE ON *.* TO replicator@'%'",
)


def until(true: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)


class Node:
    """One server. Its root user has no password, and reaches it through its socket."""

    def __init__(
        self,
        directory: Path,
        name: str,
        ports: Sequence[int],
        members: Sequence[int],
        number: int,
        *,
        galera: bool = True,
    ) -> None:
        self.directory = directory
        self.name = name
        self.port, self.group_port, self._transfer_port, self._copy_port = ports
        self._members = members
        self._number = number
        self._galera = galera
        self._stack = ExitStack()
        self._process: GuardedProcess | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        return self.directory / self.name

    @property
    def socket(self) -> Path:
        return self.directory / f"{self.name}.sock"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def argv(self) -> list[str]:
        temporary = self.directory / f"{self.name}.tmp"
        temporary.mkdir(exist_ok=True)
        return [
            str(find_tool("mariadbd")),
            "--no-defaults",
            "--user=root" if os.geteuid() == 0 else f"--user={os.environ.get('USER', 'nobody')}",
            f"--datadir={self.data}",
            f"--tmpdir={temporary}",
            f"--socket={self.socket}",
            f"--pid-file={self.directory / f'{self.name}.pid'}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--innodb-buffer-pool-size=16M",
            "--innodb-log-file-size=8M",
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
            f"--server-id={self._number}",
            "--log-bin=binlog",
            "--log-slave-updates",
            "--log-bin-trust-function-creators=ON",
            *(self._galera_options() if self._galera else []),
        ]

    def _galera_options(self) -> list[str]:
        provider = {
            "base_port": str(self.group_port),
            "gmcast.listen_addr": f"tcp://127.0.0.1:{self.group_port}",
            "ist.recv_addr": f"127.0.0.1:{self._transfer_port}",
            "gcache.size": "8M",
            "gcache.page_size": "8M",
            # A node that is gone is missed sooner than after 5 and 15 s.
            "evs.suspect_timeout": "PT3S",
            "evs.inactive_timeout": "PT6S",
        }
        return [
            "--wsrep-on=ON",
            f"--wsrep-provider={PROVIDER}",
            "--wsrep-cluster-name=onward-test",
            f"--wsrep-cluster-address=gcomm://{','.join(f'127.0.0.1:{port}' for port in self._members)}",
            "--wsrep-node-address=127.0.0.1",
            f"--wsrep-node-name={self.name}",
            "--wsrep-sst-method=onward",
            f"--wsrep-sst-receive-address=127.0.0.1:{self._copy_port}",
            f"--wsrep-provider-options={';'.join(f'{key}={value}' for key, value in provider.items())}",
        ]

    def start(self, *options: str) -> None:
        log = self.directory / f"{self.name}.log"
        path = f"{self.directory / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin"
        environment = {**os.environ, "PATH": path, "ONWARD_TEST_TRANSFERS": str(self.directory)}
        process = guarded([*self.argv(), *options], log, environment=environment)
        self._process = self._stack.enter_context(process)

    def end(self) -> None:
        """Stop it cleanly, if it runs."""
        self._process = None
        self._stack.close()

    def alive(self) -> bool:
        return self._process is not None and self._process.alive()

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def position(self) -> str:
        """Where it was in the cluster's history when it ended, as InnoDB has it."""
        found = run_command([*self.argv(), "--wsrep-recover"], timeout_seconds=SECONDS)
        (position,) = re.findall(r"Recovered position: (\S+)", found.stdout + found.stderr)
        return str(position)

    def connect(self, user: str = "root", database: str | None = None) -> "pymysql.Connection[Any]":
        if user == "root":
            where: dict[str, Any] = {"unix_socket": str(self.socket)}
        else:
            where = {"host": "127.0.0.1", "port": self.port, "password": PASSWORD}
        return pymysql.connect(user=user, database=database, autocommit=True, read_timeout=120, **where)

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        """As root, what the last one answers."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return list(cursor.fetchall())
        finally:
            connection.close()

    def status(self) -> Mapping[str, str]:
        """Galera's status variables; none while it does not answer."""
        try:
            return {str(name): str(value) for name, value in self.sql("SHOW GLOBAL STATUS LIKE 'wsrep%'")}
        except pymysql.Error:
            return {}

    def synced(self, size: int) -> bool:
        status = self.status()
        assert self.alive(), (self.directory / f"{self.name}.log").read_text()[-3000:]
        wanted = {
            "wsrep_ready": "ON",
            "wsrep_local_state_comment": "Synced",
            "wsrep_cluster_status": "Primary",
            "wsrep_cluster_size": str(size),
        }
        return all(status.get(name) == value for name, value in wanted.items())


class GaleraCluster:
    """Three nodes that hold the database keystone."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        ports = free_ports(16)
        members = ports[1:12:4]
        self.nodes = [Node(directory, f"node-{n}", ports[4 * n : 4 * n + 4], members, n + 1) for n in range(3)]
        self.replica = Node(directory, "replica", ports[12:], members, 4, galera=False)
        """A server that replicates from the first node; it is there between begin_replication and end_replication."""

    @property
    def addresses(self) -> list[str]:
        """Of the nodes of the cluster."""
        return [node.address for node in self.nodes]

    def hidden(self, text: str) -> str:
        """What was found, with addresses and numbers that are the same every time."""
        for number, address in enumerate([*self.addresses, self.replica.address], 1):
            text = text.replace(address, f"10.0.0.{number}:3306")
        text = re.sub(r"@(localhost|127\.0\.0\.1)\b(:\d+)?", "@10.0.0.9:40000", text)
        text = re.sub(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", "e45320d8-e8f3-11f1-b4ad-f7cc54d24264", text)
        return re.sub(r"thread \d+", "thread 42", text)

    def start(self) -> None:
        """All nodes begin with copies of what the first one made, and are at the same place of the same history."""
        first, *others = self.nodes
        program = self.directory / "bin" / "wsrep_sst_onward"
        program.parent.mkdir()
        program.write_text(_TRANSFER)
        program.chmod(0o755)
        initialise(first.data, self.directory)
        first.start("--wsrep-new-cluster")
        until(lambda: first.synced(1), "the first node is up")
        first.sql(*_SCHEMA)
        first.end()
        for other in [*others, self.replica]:
            shutil.copytree(first.data, other.data)
        first.start("--wsrep-new-cluster")
        until(lambda: first.synced(1), "the first node is up again")
        for size, other in enumerate(others, 2):
            other.start()
            until(lambda size=size, other=other: other.synced(size), f"{other.name} has joined")  # type: ignore[misc]

    def end(self) -> None:
        for node in [self.replica, *reversed(self.nodes)]:
            if node.alive():
                node.signal(signal.SIGCONT)
            node.end()

    def begin_replication(self) -> None:
        """Start a replica of the first node."""
        (place,) = self.nodes[0].sql("SHOW MASTER STATUS")
        self.replica.start("--read-only")
        until(lambda: answers(self.replica), "the replica answers")
        self.replica.sql(
            f"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {self.nodes[0].port},"
            f" MASTER_USER = 'replicator', MASTER_PASSWORD = '{PASSWORD}',"
            f" MASTER_LOG_FILE = '{place[0]}', MASTER_LOG_POS = {place[1]}",
            "START SLAVE",
        )
        until(lambda: self._replica_running() == "ON", "it replicates")

    def _replica_running(self) -> str:
        return str(self.replica.sql("SHOW GLOBAL STATUS LIKE 'Slave_running'")[0][1])

    def end_replication(self) -> None:
        if self.replica.alive():
            self.replica.sql("STOP SLAVE", "RESET SLAVE ALL")
        self.replica.end()

    def heal(self) -> None:
        """Wait until all are together again; whoever ended is started."""
        for node in self.nodes:
            if not node.alive():
                node.end()
                node.start(f"--wsrep-start-position={node.position()}")
        until(lambda: all(node.synced(len(self.nodes)) for node in self.nodes), "all nodes are together again")


def answers(node: Node) -> bool:
    try:
        node.sql("SELECT 1")
    except pymysql.Error:
        assert node.alive(), (node.directory / f"{node.name}.log").read_text()[-3000:]
        return False
    return True


@contextmanager
def galera_cluster(directory: Path) -> Iterator[GaleraCluster]:
    cluster = GaleraCluster(directory)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.end()


def initialise(data: Path, directory: Path) -> None:
    """Make a data directory; root gets no password."""
    argv = [
        str(find_tool("mariadb-install-db")),
        "--no-defaults",
        f"--datadir={data}",
        f"--tmpdir={directory}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--innodb-log-file-size=8M",
        *(["--user=root"] if os.geteuid() == 0 else []),
    ]
    made = run_command(argv, timeout_seconds=SECONDS)
    assert made.exit_status == 0, made.tail()


def free_ports(number: int) -> list[int]:
    """Ports of loopback on which nobody listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
