"""Faults put into a deployed cloud, each taken back when it is left.

Nothing of it is pretended: real processes are killed, stopped and slowed down, real passwords changed.
"""

import http.client
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import xmlrpc.client
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
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
BETWEEN_CALLS = float(os.environ.get("BETWEEN_CALLS", "0.5"))
"""Seconds between two calls of a user; more of them make less work for a machine that has other work."""
WRONG = "not-the-password-that-is-configured"
FILLER = "filler"
KILLED = (
    *("haproxy/0", "memcached/0", "cinder-scheduler/0", "mariadb/0", "mariadb/2", "rabbitmq-server/2"),
    *("keystone/0", "glance/1", "placement"),
)
"""An API takes a while until it serves again, a node of RabbitMQ a minute: not each of them is killed."""
SHIFTED = ("keystone/1", "glance/1", "placement/1")
"""Units whose clock can be shifted."""
SMALL_DISK = "rabbitmq-server/1"
"""The unit whose data are on a disk of their own."""


@dataclass(frozen=True)
class Fault:
    """Something that can be wrong, and how it is made so."""

    name: str
    """sigstop glance/0"""
    truth: tuple[tuple[str, str], ...]
    """As the diagnosis names it: kind and subject."""
    touches: frozenset[str]
    """Units that are hurt: two faults at once touch different ones."""
    inject: Callable[[], Any]
    """A context manager; the fault is over when it is left."""
    settle: float
    """Seconds after which it has been noticed by whoever uses it."""
    needs: frozenset[str] = frozenset()
    """Units through which it is noticed, or taken back."""

    def hides(self, other: "Fault") -> bool:
        """Whether nobody could see one of the two for the other, or put it there."""
        return bool(self.touches & other.needs or other.touches & self.needs)


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

    def disconnect(self, user: str) -> None:
        """End a database user's connections. KILL USER leaves those that it knows by another pattern of hosts."""
        for unit in ("mariadb/0", "mariadb/1", "mariadb/2"):
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
        return f"http://{self.addresses['haproxy public']}:{port}{path}"

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
        paths = ((5000, "/v3/projects"), (9292, "/v2/images"), (8778, "/resource_providers"))
        volumes = ((8776, "/v3/scheduler-stats/get_pools"), (8776, "/v3/{project}/volumes/detail"))
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


class Faults:
    """Every fault that can be put into this cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.units: dict[str, list[str]] = {}
        for name, numbers in cloud.record["units"].items():
            self.units[name] = [f"{name}/{number}" for number in numbers]

    def whole(self, name: str) -> str:
        """What an application that is wrong in all of its units is called."""
        return self.units[name][0] if len(self.units[name]) == 1 else name

    def prepare(self) -> None:
        """What faults need that are put there later: units with a clock that can be shifted, a small disk."""
        library = self.cloud.store.directory / "shifted_clock.so"
        if not library.exists():
            source = Path(__file__).with_name("shifted_clock.c")
            subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
        for unit in SHIFTED:
            file = self.cloud.store.directory / "programs" / f"{name_in_paths(unit)}.conf"
            text = file.read_text()
            if "LD_PRELOAD" not in text:
                more = f'LD_PRELOAD="{library}",SHIFTED_CLOCK_FILE="{self._shift_file(unit)}",'
                file.write_text(text.replace("environment = ", f"environment = {more}"))
                self._begun_anew(unit, lambda: None)
        data = self.cloud.store.unit_directory(SMALL_DISK) / "data"
        if not os.path.ismount(data):
            self._begun_anew(SMALL_DISK, lambda: _onto_small_disk(data))

    def _begun_anew(self, unit: str, between: Callable[[], None]) -> None:
        server, group = self.cloud.server(), name_in_paths(unit)
        server.reloadConfig()
        server.stopProcessGroup(group)
        server.removeProcessGroup(group)
        between()
        server.addProcessGroup(group)

    def _shift_file(self, unit: str) -> Path:
        return self.cloud.store.directory / f"{name_in_paths(unit)}.shifted"

    @contextmanager
    def shifted_clock(self, units: list[str]) -> Iterator[None]:
        """Five minutes ahead."""
        for unit in units:
            self._shift_file(unit).touch()
        try:
            yield
        finally:
            for unit in units:
                self._shift_file(unit).unlink()

    @contextmanager
    def full_disk(self, units: list[str]) -> Iterator[None]:
        """RabbitMQ takes no messages while less than 50 MB are free."""
        files = [self.cloud.store.unit_directory(unit) / "data" / FILLER for unit in units]
        for file in files:
            free = os.statvfs(file.parent)
            with file.open("wb") as out:
                os.posix_fallocate(out.fileno(), 0, max(1, free.f_bavail * free.f_frsize - 8 * 1024 * 1024))
        try:
            yield
        finally:
            for file in files:
                file.unlink()

    def all(self) -> list[Fault]:
        found: list[Fault] = []
        for name, units in self.units.items():
            for unit in units:
                kind = "down" if len(units) == 1 else "node-down"
                if unit in KILLED:
                    found.append(self._fault("kill", kind, unit, [unit], self.killed, 4.0))
                found.append(self._fault("hang", kind, unit, [unit], self.hanging, 2.5))
            if len(units) > 1:
                if name in KILLED:
                    found.append(self._fault("kill", "down", name, units, self.killed, 4.0))
                found.append(self._fault("hang", "down", name, units, self.hanging, 2.5))
            if name in ("keystone", "glance", "placement", "cinder-api"):
                found.append(self._fault("slow", "slow", name, units, self.slow, 10.0))
                found += [self._fault("slow", "slow", unit, [unit], self.slow, 10.0) for unit in units]
            if name == "mariadb":
                found.append(self._fault("slow", "slow", units[0], units[:1], self.slow, 10.0))
        # Cinder's scheduler makes no new connection for minutes: nobody could see that its password is wrong.
        for user in ("keystone", "glance", "placement", "cinder-api"):
            found.append(self._refused(user, "mariadb", lambda user=user: self.wrong_database_password(user)))
        for user in ("glance", "placement", "cinder-api"):
            found.append(self._refused(user, "keystone", lambda user=user: self.wrong_service_password(user)))
        for user in ("cinder-api", "cinder-scheduler"):
            found.append(self._refused(user, "rabbitmq-server", lambda user=user: self.wrong_broker_password(user)))
        everybody = frozenset({"haproxy/0", *self.units["keystone"]})
        truth = (("overload", "mariadb/0"),)
        found.append(Fault("full mariadb/0", truth, frozenset({"mariadb/0"}), self.overload, 5.0, everybody))
        found += [self._fault("clock", "clock", unit, [unit], self.shifted_clock, 4.0) for unit in SHIFTED]
        found.append(self._fault("disk", "disk", SMALL_DISK, [SMALL_DISK], self.full_disk, 12.0))
        return found

    def _fault(
        self, how: str, kind: str, subject: str, units: Sequence[str], inject: Callable[..., Any], settle: float
    ) -> Fault:
        return Fault(f"{how} {subject}", ((kind, subject),), frozenset(units), lambda: inject(list(units)), settle)

    def _refused(self, user: str, provider: str, inject: Callable[[], Any]) -> Fault:
        path = frozenset({"haproxy/0", *self.units["keystone"], *self.units[provider], *self.units["mariadb"]})
        truth = (("credentials", f"{user} > {provider}"),)
        touched = frozenset(self.units[user])
        return Fault(f"password {user} > {provider}", truth, touched, inject, 6.0, path - touched)

    @contextmanager
    def killed(self, units: list[str]) -> Iterator[None]:
        """Killed again as often as they are begun again."""
        over = threading.Event()

        def kill() -> None:
            while not over.is_set():
                self.cloud.signal(units, signal.SIGKILL)
                over.wait(0.3)

        thread = threading.Thread(target=kill, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            for unit in units:
                self.cloud.start(unit)

    @contextmanager
    def hanging(self, units: list[str]) -> Iterator[None]:
        self.cloud.signal(units, signal.SIGSTOP)
        try:
            yield
        finally:
            self.cloud.signal(units, signal.SIGCONT)

    @contextmanager
    def slow(self, units: list[str]) -> Iterator[None]:
        """They have a hundredth of a processor together: cgroup v1's cpu controller."""
        processes = [each for unit in units for each in self.cloud.processes(unit)]
        (line,) = (
            each for each in Path(f"/proc/{processes[0].pid}/cgroup").read_text().splitlines() if ":cpu:" in each
        )
        parent = Path("/sys/fs/cgroup/cpu") / line.rpartition(":")[2].lstrip("/")
        group = parent / f"onward-slow-{name_in_paths(units[0])}"
        group.mkdir(exist_ok=True)
        (group / "cpu.cfs_period_us").write_text("100000")
        (group / "cpu.cfs_quota_us").write_text(str(1000 * len(units)))
        self._move(units, group)
        try:
            yield
        finally:
            (group / "cpu.cfs_quota_us").write_text("-1")
            deadline = time.monotonic() + 30
            while (left := (group / "cgroup.procs").read_text().split()) and time.monotonic() < deadline:
                for pid in left:
                    with suppress(OSError):
                        (parent / "cgroup.procs").write_text(pid)
            group.rmdir()

    def _move(self, units: list[str], group: Path) -> None:
        for unit in units:
            for each in self.cloud.processes(unit):
                with suppress(OSError):
                    (group / "cgroup.procs").write_text(str(each.pid))

    @contextmanager
    def wrong_database_password(self, user: str) -> Iterator[None]:
        name = self._database_user(user)
        self.cloud.sql(f"SET PASSWORD FOR {name} = PASSWORD('{WRONG}')")
        self.cloud.disconnect(user)
        try:
            yield
        finally:
            self.cloud.sql(f"SET PASSWORD FOR {name} = PASSWORD('{self.cloud.secrets[f'{user}/shared-db']}')")

    def _database_user(self, user: str) -> str:
        ((rows),) = self.cloud.sql(f"SELECT User, Host FROM mysql.user WHERE User = '{user}'")  # noqa: S608
        return "'{}'@'{}'".format(*rows[0])

    @contextmanager
    def wrong_service_password(self, user: str) -> Iterator[None]:
        token, _ = self.cloud.log_in()
        headers = {"X-Auth-Token": token}
        listed = requests.get(
            self.cloud.url(5000, f"/v3/users?name={user}"), headers=headers, timeout=CALL_SECONDS
        ).json()
        url = self.cloud.url(5000, f"/v3/users/{listed['users'][0]['id']}")

        def change(password: str) -> None:
            body = {"user": {"password": password}}
            deadline = time.monotonic() + 60
            while True:
                try:
                    now = {"X-Auth-Token": self.cloud.log_in()[0]}
                    requests.patch(url, json=body, headers=now, timeout=CALL_SECONDS).raise_for_status()
                    return
                except requests.RequestException:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.5)

        change(WRONG)
        try:
            yield
        finally:
            change(self.cloud.secrets[f"{user}/identity-service"])

    @contextmanager
    def wrong_broker_password(self, user: str) -> Iterator[None]:
        told = self.cloud.broker("GET", f"users/{user}")

        def change(password: str) -> None:
            body = {"password": password, "tags": ",".join(told.get("tags") or [])}
            self.cloud.broker("PUT", f"users/{user}", body)

        change(WRONG)
        for each in self.cloud.broker("GET", "connections"):
            if each.get("user") == user:
                self.cloud.broker("DELETE", f"connections/{requests.utils.quote(each['name'], safe='')}")
        try:
            yield
        finally:
            change(self.cloud.secrets[f"{user}/amqp"])

    @contextmanager
    def overload(self) -> Iterator[None]:
        """All connections that it accepts are somebody else's."""
        password = self.cloud.secrets["placement/shared-db"]
        self.cloud.sql("SET GLOBAL max_connections = 10")
        held: list[Any] = []
        over = threading.Event()

        def hold() -> None:
            place = {"host": self.cloud.addresses["mariadb/0"], "user": "placement", "password": password}
            while not over.is_set():
                for each in ("keystone", "glance", "cinder-api", "cinder-scheduler"):
                    with suppress(pymysql.Error):
                        self.cloud.disconnect(each)
                # The killed ones give up theirs one after the other.
                for _ in range(40):
                    with suppress(pymysql.Error):
                        held.append(pymysql.connect(**place))
                    over.wait(0.02)

        thread = threading.Thread(target=hold, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            for each in held:
                with suppress(pymysql.Error):
                    each.close()
            self.cloud.sql("SET GLOBAL max_connections = 1000")


def _onto_small_disk(data: Path) -> None:
    """Its data go on a disk in memory, of 200 MB."""
    kept = data.with_name("data.before")
    if data.exists() and not kept.exists():
        data.rename(kept)
    data.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200m,mode=700", "tmpfs", data], check=True)
    shutil.copytree(kept, data, dirs_exist_ok=True, symlinks=True)


@contextmanager
def together(faults: Sequence[Fault]) -> Iterator[None]:
    """All of them at once."""
    with ExitStack() as stack:
        for each in faults:
            stack.enter_context(each.inject())
        yield


def restarted(cloud: Cloud, unit: str) -> None:
    """Ordinary noise: a unit is killed once, and begun again by its supervisor."""
    cloud.signal([unit], signal.SIGKILL)


def slow_query(cloud: Cloud, user: str) -> None:
    """Ordinary noise: a table that is locked for a second and a half."""
    tables = {"keystone": "keystone.project", "glance": "glance.images", "placement": "placement.resource_providers"}
    path = str(cloud.sockets / "mariadb-0.sock")
    with pymysql.connect(unix_socket=path, user=own_name()) as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {tables[user]} WRITE")
        time.sleep(1.5)
        cursor.execute("UNLOCK TABLES")
