"""Faults put into a deployed cloud, each taken back when it is left.

Nothing of it is pretended: real processes are killed, stopped and slowed down, real passwords changed.
"""

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql
import requests

from material.faulty_cloud import CALL_SECONDS, PORTS, Cloud
from material.prepared_cloud import APIS, DATABASE_USERS, PreparedCloud
from onward.model.deployment import name_in_paths

WRONG = "not-the-password-that-is-configured"
KILLED = ("haproxy", "memcached", "cinder-scheduler", "mariadb", "rabbitmq-server", "keystone", "glance", "placement")
KILLED_WHOLE = ("placement", "glance")
"""An API takes a while until it serves again, a node of RabbitMQ a minute: not each of them is killed."""
SLOW_MILLISECONDS = {"keystone": 8, "cinder-api": 3, "mariadb": 2, "glance": 1, "placement": 1}
"""Of a processor's second, for one that is slow: with less, those who wait are so many that it seems to hang."""
SLOW_SETTLE = 8.0
BUSY_CALLERS = 40
HALF_A_REQUEST = b"GET / HTTP/1.1\r\nHost: somebody\r\n"
"""Whoever has said so much keeps a worker of uWSGI waiting for four seconds (its socket-timeout)."""
SEVERED = (
    ("keystone", "mariadb"),
    ("glance", "mariadb"),
    ("placement", "mariadb"),
    ("cinder-api", "mariadb"),
)
"""Who is cut off from whom. Of Keystone's callers nobody says who does not answer: they wait as long as TCP does; and a
cache that was lost once oslo.cache does not ask again for five minutes."""


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


class Faults:
    """Every fault that can be put into this cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.units: dict[str, list[str]] = {}
        for name, numbers in cloud.record["units"].items():
            self.units[name] = [f"{name}/{number}" for number in numbers]
        self.ground = PreparedCloud(cloud, self.units)

    def whole(self, name: str) -> str:
        """What an application that is wrong in all of its units is called."""
        return self.units[name][0] if len(self.units[name]) == 1 else name

    def all(self) -> list[Fault]:
        return [*self._processes(), *self._slownesses(), *self._passwords(), *self._ways(), *self._others()]

    def _processes(self) -> Iterator[Fault]:
        for name, units in self.units.items():
            kind = "down" if len(units) == 1 else "node-down"
            killed = [units[0], *units[2:]] if name == "mariadb" else units[-1:]
            for unit in units:
                if unit in killed and name in KILLED:
                    yield self._fault("kill", kind, unit, [unit], self.killed, 4.0)
                yield self._fault("hang", kind, unit, [unit], self.hanging, 2.5)
            if len(units) > 1:
                if name in KILLED_WHOLE:
                    yield self._fault("kill", "down", name, units, self.killed, 4.0)
                yield self._fault("hang", "down", name, units, self.hanging, 2.5)

    def _slownesses(self) -> Iterator[Fault]:
        for name in APIS:
            units = self.units[name]
            if len(units) > 1:
                yield self._fault("slow", "slow", name, units, self.slow, SLOW_SETTLE)
            yield from (self._fault("slow", "slow", unit, [unit], self.slow, SLOW_SETTLE) for unit in units)
        unit = self.units["mariadb"][0]
        yield self._fault("slow", "slow", unit, [unit], self.slow, SLOW_SETTLE)

    def _passwords(self) -> Iterator[Fault]:
        # Cinder's scheduler makes no new connection for minutes: nobody could see that its password is wrong.
        for user in APIS:
            yield self._refused(user, "mariadb", lambda user=user: self.wrong_database_password(user))
        for user in APIS[1:]:
            yield self._refused(user, "keystone", lambda user=user: self.wrong_service_password(user))
        for user in ("cinder-api", "cinder-scheduler"):
            yield self._refused(user, "rabbitmq-server", lambda user=user: self.wrong_broker_password(user))

    def _ways(self) -> Iterator[Fault]:
        """Between two applications; everybody else reaches both."""
        for way, settle in (("drop", 7.0), ("refuse", 8.0)):
            for user, provider in SEVERED:
                hurt, needed = frozenset(self.units[user]), {*self.units[provider], *self.units["keystone"]}
                yield Fault(
                    name=f"{way} {user} - {provider}",
                    truth=(("network", f"{user} - {provider}"),),
                    touches=hurt,
                    inject=lambda user=user, provider=provider, way=way: self.ground.severed(user, provider, way),
                    settle=settle,
                    needs=frozenset({*needed, *self.units.get("haproxy", ())}) - hurt,
                )

    def _others(self) -> Iterator[Fault]:
        databases, front = self.units["mariadb"], self.units.get("haproxy", ())
        everybody = frozenset({*front, *self.units["keystone"]})
        full = frozenset(databases[:1])
        yield Fault(f"full {databases[0]}", (("overload", databases[0]),), full, self.overload, 5.0, everybody)
        for name in APIS:
            unit = self.units[name][-1]
            yield self._fault("busy", "overload", unit, [unit], self.busy, 5.0)
        whole, touched = self.whole("mariadb"), frozenset(databases)
        yield Fault(
            name=f"certificate {whole}",
            truth=(("certificate", whole),),
            touches=touched,
            inject=lambda: self.ground.expired_certificate(databases),
            settle=5.0,
            needs=everybody,
        )
        for unit in self.ground.shifted:
            yield self._fault("clock", "clock", unit, [unit], self.ground.shifted_clock, 4.0)
        disk = self.ground.small_disk
        yield self._fault("disk", "disk", disk, [disk], self.ground.full_disk, 12.0)

    def _fault(
        self, how: str, kind: str, subject: str, units: Sequence[str], inject: Callable[..., Any], settle: float
    ) -> Fault:
        return Fault(f"{how} {subject}", ((kind, subject),), frozenset(units), lambda: inject(list(units)), settle)

    def _refused(self, user: str, provider: str, inject: Callable[[], Any]) -> Fault:
        path = frozenset(
            {*self.units.get("haproxy", ()), *self.units["keystone"], *self.units[provider], *self.units["mariadb"]}
        )
        truth = (("credentials", f"{user} > {provider}"),)
        touched = frozenset(self.units[user])
        # A service logs in anew with Keystone when somebody comes with a token that it does not know.
        settle = 10.0 if provider == "keystone" else 6.0
        return Fault(f"password {user} > {provider}", truth, touched, inject, settle, path - touched)

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
        with ExitStack() as stack:
            for each in units:
                stack.enter_context(self._limited(each))
            yield

    @contextmanager
    def _limited(self, unit: str) -> Iterator[None]:
        """It has some thousandths of a processor: cgroup v1's cpu controller."""
        processes = self.cloud.processes(unit)
        milliseconds = SLOW_MILLISECONDS[unit.partition("/")[0]]
        (line,) = (
            each for each in Path(f"/proc/{processes[0].pid}/cgroup").read_text().splitlines() if ":cpu:" in each
        )
        parent = Path("/sys/fs/cgroup/cpu") / line.rpartition(":")[2].lstrip("/")
        group = parent / f"onward-slow-{self.cloud.store.directory.name}-{name_in_paths(unit)}"
        group.mkdir(exist_ok=True)
        (group / "cpu.cfs_period_us").write_text("1000000")
        (group / "cpu.cfs_quota_us").write_text(str(1000 * milliseconds))
        for each in processes:
            with suppress(OSError):
                (group / "cgroup.procs").write_text(str(each.pid))
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
    def busy(self, units: list[str]) -> Iterator[None]:
        """Its workers always have somebody who has not said yet what he wants, and many more wait for their turn."""
        over = threading.Event()

        def call(unit: str) -> None:
            port = next(port for port, name in PORTS.items() if name == unit.partition("/")[0])
            while not over.is_set():
                with suppress(OSError), socket.create_connection((self.cloud.addresses[unit], port), 1.0) as caller:
                    caller.sendall(HALF_A_REQUEST)
                    caller.settimeout(0.5)
                    while not over.is_set():
                        with suppress(TimeoutError):
                            if not caller.recv(512):
                                break

        callers = [threading.Thread(target=call, args=(unit,), daemon=True) for unit in units * BUSY_CALLERS]
        for each in callers:
            each.start()
        try:
            yield
        finally:
            over.set()
            for each in callers:
                each.join()

    @contextmanager
    def overload(self) -> Iterator[None]:
        """All connections that it accepts are somebody else's: of one who has none of his own."""
        password = self.cloud.secrets["placement/shared-db"]
        self.cloud.sql("SET GLOBAL max_connections = 10")
        held: list[Any] = []
        over = threading.Event()

        def hold() -> None:
            place = {"host": self.cloud.addresses["mariadb/0"], "user": "placement", "password": password}
            while not over.is_set():
                for each in DATABASE_USERS:
                    if each != "placement":
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


@contextmanager
def together(faults: Sequence[Fault]) -> Iterator[None]:
    """All of them at once."""
    with ExitStack() as stack:
        for each in faults:
            stack.enter_context(each.inject())
        yield
