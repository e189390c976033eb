"""What happens in a cloud that is well: restarts, a slow query, a busy moment, somebody's typing error."""

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pymysql
import requests

from material.faulty_cloud import CALL_SECONDS, Cloud
from onward.hosts.user import own_name
from onward.model.deployment import name_in_paths
from onward.observe.keystone_login import password_login

TABLES = {
    "keystone": "keystone.project",
    "glance": "glance.images",
    "placement": "placement.resource_providers",
    "cinder-api": "cinder.volumes",
}
RESTARTED = (
    *("keystone", "glance", "placement", "cinder-api"),
    *("memcached", "cinder-scheduler", "haproxy", "mariadb", "rabbitmq-server"),
)
"""Of clusters the last node."""
LOCKED_SECONDS = 1.5
CALLS, CALLERS = 10, 3


@dataclass(frozen=True)
class Noise:
    """Something that is no fault."""

    name: str
    make: Callable[[], None]
    """It is over when it returns; what it began may go on."""
    longest_wait: float
    """Seconds after its beginning within which it is looked at."""
    ends_something: bool = False
    """Whether a process has to be begun again."""


def noise(cloud: Cloud, lot: random.Random) -> Noise:
    """One of them, by lot."""
    kind = lot.choice(("nothing", "slow query", "slow query", "killed", "restart", "restart", "burst", "typing error"))
    match kind:
        case "slow query":
            user = lot.choice(sorted(TABLES))
            return Noise(f"slow query of {user}", lambda: _slow_query(cloud, user), 2.5)
        case "killed" | "restart":
            application = lot.choice([each for each in RESTARTED if each in cloud.record["units"]])
            clustered = application in ("mariadb", "rabbitmq-server")
            nodes = cloud.nodes(application)
            unit = nodes[-1] if clustered else lot.choice(nodes)
            if kind == "killed" and not (clustered and len(nodes) == 1):
                return Noise(f"killed once {unit}", lambda: cloud.signal([unit], signal.SIGKILL), 8.0, True)
            return Noise(f"restart of {unit}", lambda: _restart(cloud, unit), 8.0, True)
        case "burst":
            return Noise("burst of calls", lambda: _burst(cloud), 2.0)
        case "typing error":
            return Noise("wrong password of a person", lambda: _typing_error(cloud), 2.0)
        case _:
            return Noise("nothing", lambda: None, 1.0)


@contextmanager
def beside(made: Noise) -> Iterator[None]:
    """While something else is done."""
    thread = threading.Thread(target=made.make, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def _slow_query(cloud: Cloud, user: str) -> None:
    """A table that is locked for a while."""
    path = str(cloud.sockets / "mariadb-0.sock")
    with pymysql.connect(unix_socket=path, user=own_name()) as connection, connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLES {TABLES[user]} WRITE")
        time.sleep(LOCKED_SECONDS)
        cursor.execute("UNLOCK TABLES")


def _restart(cloud: Cloud, unit: str) -> None:
    server, group = cloud.server(), name_in_paths(unit)
    server.stopProcessGroup(group)
    server.startProcessGroup(group)


def _burst(cloud: Cloud) -> None:
    with suppress(requests.RequestException, KeyError):
        headers = {"X-Auth-Token": cloud.log_in()[0]}

        def call() -> None:
            with suppress(requests.RequestException):
                for _ in range(CALLS):
                    requests.get(cloud.url(9292, "/v2/images"), headers=headers, timeout=CALL_SECONDS)

        callers = [threading.Thread(target=call, daemon=True) for _ in range(CALLERS)]
        for each in callers:
            each.start()
        for each in callers:
            each.join()


def _typing_error(cloud: Cloud) -> None:
    body = password_login("admin", "not-my-password", "admin")
    for _ in range(3):
        with suppress(requests.RequestException):
            requests.post(cloud.url(5000, "/v3/auth/tokens"), json=body, timeout=CALL_SECONDS)
