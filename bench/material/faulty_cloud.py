"""A deployed cloud whose processes, accounts and connections can be reached, and users who call it."""

import http.client
import json
import os
import signal
import threading
import time
import xmlrpc.client
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pymysql
import requests
from supervisor.xmlrpc import SupervisorTransport

from onward.hosts.model_store import ModelStore
from onward.hosts.supervisor import Supervisor
from onward.hosts.user import own_name
from onward.model.deployment import name_in_paths
from onward.observe.keystone_login import password_login

CALL_SECONDS = 10.0
BETWEEN_CALLS = float(os.environ.get("BETWEEN_CALLS", "1.0"))
"""Seconds between two calls of a user; more of them make less work for a machine that has other work."""
LISTS = {
    "keystone": "/v3/projects",
    "glance": "/v2/images",
    "placement": "/resource_providers",
    "cinder-api": "/v3/scheduler-stats/get_pools",
}
PORTS = {5000: "keystone", 9292: "glance", 8778: "placement", 8776: "cinder-api"}


class Cloud:
    """The deployed model and its processes."""

    def __init__(self, store: ModelStore) -> None:
        self.store = store
        self.record = store.record()
        self.addresses: dict[str, str] = self.record["addresses"]
        self.sockets = Path(self.record["sockets"])
        self.supervisor = Supervisor(store.directory, self.sockets)
        self.secrets = store.secrets()

    def processes(self, unit: str) -> list[psutil.Process]:
        found = []
        for state in self.supervisor.states(unit):
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(state.pid) if state.pid else None
                found += [process, *process.children(recursive=True)] if process else []
        # The name server of RabbitMQ is everybody's on this machine.
        return [each for each in found if "epmd" not in each.name() and "-epmd" not in each.name()]

    def signal(self, units: Sequence[str], number: signal.Signals) -> None:
        for unit in units:
            for process in self.processes(unit):
                with suppress(psutil.NoSuchProcess):
                    process.send_signal(number)

    def server(self) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self.sockets / 'supervisor.sock'}")
        return xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def start(self, unit: str) -> None:
        with suppress(xmlrpc.client.Fault):
            self.server().startProcessGroup(name_in_paths(unit), False)

    def sql(self, *statements: str, unit: str = "mariadb/0") -> list[Any]:
        """As root, who is known by the socket."""
        path = str(self.sockets / f"{name_in_paths(unit)}.sock")
        with (
            pymysql.connect(unix_socket=path, user=own_name(), autocommit=True) as connection,
            connection.cursor() as cursor,
        ):
            answers = []
            for statement in statements:
                cursor.execute(statement)
                answers.append(cursor.fetchall())
            return answers

    def nodes(self, application: str) -> list[str]:
        return [f"{application}/{number}" for number in self.record["units"][application]]

    def serves(self, unit: str) -> bool:
        """Whether a database server does, with all of its cluster."""
        nodes = self.nodes("mariadb")
        try:
            (rows,) = self.sql("SHOW STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_cluster_size')", unit=unit)
        except pymysql.Error:
            return False
        return len(nodes) == 1 or dict(rows) == {"wsrep_ready": "ON", "wsrep_cluster_size": str(len(nodes))}

    def disconnect(self, user: str) -> None:
        """End a database user's connections. KILL USER leaves those that it knows by another pattern of hosts."""
        for unit in self.nodes("mariadb"):
            with suppress(pymysql.Error):
                (rows,) = self.sql(f"SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{user}'", unit=unit)  # noqa: S608
                for (identifier,) in rows:
                    with suppress(pymysql.Error):
                        self.sql(f"KILL {identifier}", unit=unit)

    def broker(self, method: str, path: str, body: Any = None, unit: str = "rabbitmq-server/0") -> Any:
        connection = http.client.HTTPConnection(self.addresses[unit], 15672, timeout=CALL_SECONDS)
        login = b64encode(f"onward:{self.secrets['rabbitmq-server/administrator']}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
        connection.request(method, f"/api/{path}", json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return json.loads(content) if content.startswith((b"[", b"{")) else None

    def url(self, port: int, path: str) -> str:
        """Where users find it: through the balancer, if there is one."""
        address = self.addresses.get("haproxy public") or self.addresses[f"{PORTS[port]}/0"]
        return f"http://{address}:{port}{path}"

    def seconds(self, unit: str) -> float:
        """How long a user would wait for what the unit does, or CALL_SECONDS."""
        began = time.monotonic()
        application = unit.partition("/")[0]
        with suppress(requests.RequestException, pymysql.Error):
            if application == "mariadb":
                self.sql("SELECT COUNT(*) FROM information_schema.TABLES", unit=unit)
            else:
                (port,) = (port for port, name in PORTS.items() if name == application)
                url = f"http://{self.addresses[unit]}:{port}{LISTS[application]}"
                requests.get(url, headers={"X-Auth-Token": self.log_in()[0]}, timeout=CALL_SECONDS)
        return time.monotonic() - began

    def log_in(self) -> tuple[str, str]:
        """A token, and its project."""
        body = password_login("admin", self.secrets["keystone/admin-password"], "admin")
        answer = requests.post(self.url(5000, "/v3/auth/tokens"), json=body, timeout=CALL_SECONDS)
        answer.raise_for_status()
        return str(answer.headers["X-Subject-Token"]), str(answer.json()["token"]["project"]["id"])


class Traffic:
    """Ordinary users: each logs in now and then, and asks for lists through the load balancer."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.token = self.project = ""
        self.calls = self.failed = 0
        self._over = threading.Event()
        paths = [(port, LISTS[name]) for port, name in PORTS.items() if name != "cinder-api"]
        volumes = [(8776, LISTS["cinder-api"]), (8776, "/v3/{project}/volumes/detail")]
        self._threads = [threading.Thread(target=self._log_in, daemon=True)]
        for port, path in (*paths, *paths, *volumes, *volumes):
            self._threads.append(threading.Thread(target=self._ask, args=(port, path), daemon=True))

    def __enter__(self) -> "Traffic":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(CALL_SECONDS * 2)

    def _log_in(self) -> None:
        while not self._over.wait(3 * BETWEEN_CALLS):
            with suppress(requests.RequestException, KeyError):
                self.token, self.project = self.cloud.log_in()

    def _ask(self, port: int, path: str) -> None:
        while not self._over.wait(BETWEEN_CALLS):
            if not self.token:
                continue
            headers = {"X-Auth-Token": self.token}
            self.calls += 1
            try:
                url = self.cloud.url(port, path.format(project=self.project))
                answer = requests.get(url, headers=headers, timeout=CALL_SECONDS)
                self.failed += answer.status_code >= 500
            except requests.RequestException:
                self.failed += 1
