"""What may be wrong with database servers: how each fault is made on a real cluster, and how it should be found."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any

import pymysql
from database_cloud import Cloud
from galera_cluster import GaleraCluster, Node, until

from onward.checks.finding import Finding


@dataclass(frozen=True)
class Fault:
    """Something wrong, and all that is found of it."""

    name: str
    made: Callable[[GaleraCluster, Cloud], AbstractContextManager[None]]
    found: tuple[tuple[str, str], ...]
    """Names and results of all findings that do not pass."""
    enough: Callable[[Sequence[Finding]], bool] = lambda _found: True
    """Whether the evidence is there already."""
    target: str | None = None


@contextmanager
def killed(cluster: GaleraCluster, _cloud: Cloud) -> Iterator[None]:
    cluster.nodes[2].signal(signal.SIGKILL)
    yield


@contextmanager
def stopped(cluster: GaleraCluster, _cloud: Cloud) -> Iterator[None]:
    cluster.nodes[2].signal(signal.SIGSTOP)
    try:
        yield
    finally:
        cluster.nodes[2].signal(signal.SIGCONT)


@contextmanager
def cut_off(cluster: GaleraCluster, _cloud: Cloud) -> Iterator[None]:
    cluster.nodes[2].sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
    try:
        yield
    finally:
        cluster.nodes[2].sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'")


@contextmanager
def apart(cluster: GaleraCluster, _cloud: Cloud) -> Iterator[None]:
    """A node that was cut off, and told to be a cluster of its own."""
    node = cluster.nodes[2]
    node.sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
    until(lambda: node.status().get("wsrep_cluster_status") == "non-Primary", "the node has lost the others")
    node.sql("SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'")
    try:
        yield
    finally:
        # It must not meet the others again as it is.
        node.signal(signal.SIGKILL)
        until(lambda: not node.alive(), "it has ended")


def variable(name: str, wrong: str, right: str) -> Callable[[GaleraCluster, Cloud], AbstractContextManager[None]]:
    """A global variable of one node that has a wrong value."""

    @contextmanager
    def made(cluster: GaleraCluster, _cloud: Cloud) -> Iterator[None]:
        cluster.nodes[1].sql(f"SET GLOBAL {name} = {wrong}")
        try:
            yield
        finally:
            cluster.nodes[1].sql(f"SET GLOBAL {name} = {right}")

    return made


@contextmanager
def holding(node: Node, *statements: str) -> Iterator[int]:
    """A connection that holds what these statements take; its thread."""
    with closing(node.connect(database="keystone")) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        yield connection.thread_id()
        connection.ping(reconnect=False)


@contextmanager
def waiting(node: Node, *statements: str) -> Iterator[None]:
    """A connection that waits with the last of these statements; it is ended before that is carried out."""
    connection = node.connect(database="keystone")
    errors: list[Exception] = []

    def ask() -> None:
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        except (pymysql.Error, OSError) as error:
            errors.append(error)

    thread = Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield
    finally:
        node.sql(f"KILL {connection.thread_id()}")
        thread.join(60)
    assert errors, "what should have waited was carried out"


@contextmanager
def long_transaction(cluster: GaleraCluster, _cloud: Cloud) -> Iterator[None]:
    with holding(cluster.nodes[0], "BEGIN", "UPDATE project SET name = 'x' WHERE id = 1"):
        yield


@contextmanager
def blocked_by_a_transaction(cluster: GaleraCluster, _cloud: Cloud) -> Iterator[None]:
    # As Galera changes tables by default, it would end the transaction (error 1213) instead of waiting for it.
    change = ("SET SESSION wsrep_on = OFF", "ALTER TABLE project ADD COLUMN extra INT")
    with holding(cluster.nodes[0], "BEGIN", "SELECT * FROM project"), waiting(cluster.nodes[0], *change):
        yield


@contextmanager
def blocked_by_locked_tables(cluster: GaleraCluster, _cloud: Cloud) -> Iterator[None]:
    """All nodes change the table at once, and this one cannot: nothing ends that but the end of the lock."""
    node = cluster.nodes[0]
    change = Thread(target=lambda: node.sql("ALTER TABLE keystone.project ADD COLUMN extra INT"), daemon=True)
    try:
        with holding(node, "LOCK TABLES project READ"):
            change.start()
            yield
    finally:
        change.join(120)
        node.sql("ALTER TABLE keystone.project DROP COLUMN extra")


@contextmanager
def blocked_rows(cluster: GaleraCluster, _cloud: Cloud) -> Iterator[None]:
    change = ("SET SESSION innodb_lock_wait_timeout = 600", "UPDATE project SET name = 'y' WHERE id = 1")
    row = ("BEGIN", "SELECT * FROM project WHERE id = 1 FOR UPDATE")
    with holding(cluster.nodes[0], *row), waiting(cluster.nodes[0], *change):
        yield


@contextmanager
def writes_held_up(cluster: GaleraCluster, _cloud: Cloud) -> Iterator[None]:
    """A node that cannot apply what others write: after some writes, nobody can write any more."""

    def write() -> None:
        names = [f"name-{number}" for number in range(100)]
        cluster.nodes[0].sql(*(f"UPDATE keystone.project SET name = '{name}' WHERE id = 1" for name in names))

    writer = Thread(target=write, daemon=True)
    try:
        with holding(cluster.nodes[1], "LOCK TABLES project READ"):
            writer.start()
            yield
    finally:
        writer.join(120)


@contextmanager
def few_privileges(_cluster: GaleraCluster, cloud: Cloud) -> Iterator[None]:
    cloud.describe(user="poor")
    yield


@contextmanager
def unknown_account(_cluster: GaleraCluster, cloud: Cloud) -> Iterator[None]:
    cloud.describe(user="nobody")
    yield


@contextmanager
def without_trust(cluster: GaleraCluster, cloud: Cloud) -> Iterator[None]:
    # Of placement before 2023.1 it is not known whether a migration creates triggers.
    cloud.describe(service="placement", series="xena")
    with variable("log_bin_trust_function_creators", "OFF", "ON")(cluster, cloud):
        yield


@contextmanager
def no_connection_left(cluster: GaleraCluster, _cloud: Cloud) -> Iterator[None]:
    node = cluster.nodes[1]
    node.sql("SET GLOBAL max_connections = 10")
    users: list[pymysql.Connection[Any]] = []
    try:
        while int(node.sql("SHOW STATUS LIKE 'Threads_connected'")[0][1]) <= 10:
            users.append(node.connect("keystone"))
        yield
    finally:
        for user in users:
            user.close()
        node.sql("SET GLOBAL max_connections = 151")


@contextmanager
def too_few_nodes(_cluster: GaleraCluster, cloud: Cloud) -> Iterator[None]:
    cloud.describe(cluster_size=5)
    yield


@contextmanager
def replicated(cluster: GaleraCluster, cloud: Cloud, user: str = "watcher") -> Iterator[None]:
    """The first node has a replica outside of the cluster."""
    cloud.describe(user=user, nodes=[*cluster.addresses, cluster.replica.address], cluster_size=3)
    try:
        cluster.begin_replication()
        yield
    finally:
        cluster.end_replication()


@contextmanager
def replication_stopped(cluster: GaleraCluster, cloud: Cloud) -> Iterator[None]:
    with replicated(cluster, cloud):
        cluster.replica.sql("STOP SLAVE SQL_THREAD")
        yield


@contextmanager
def replication_behind(cluster: GaleraCluster, cloud: Cloud) -> Iterator[None]:
    """What the replica has to do is of an hour ago, and it cannot: somebody reads the table."""
    with replicated(cluster, cloud), holding(cluster.replica, "LOCK TABLES project READ"):
        an_hour_ago = "SET timestamp = UNIX_TIMESTAMP() - 3600"
        cluster.nodes[0].sql(an_hour_ago, "UPDATE keystone.project SET name = 'late' WHERE id = 2")
        yield


@contextmanager
def replication_unseen(cluster: GaleraCluster, cloud: Cloud) -> Iterator[None]:
    with replicated(cluster, cloud, user="keystone"):
        yield


def _said(*words: str) -> Callable[[Sequence[Finding]], bool]:
    """The words stand in the details or the way out of a finding."""
    return lambda found: all(any(word in f"{each.details} {each.way_out}" for each in found) for word in words)


_GONE = (("database servers", "fail"), ("Galera cluster size", "fail"))

FAULTS = (
    Fault("A node is killed (SIGKILL)", killed, _GONE, _said("nobody listens there", "2 of 3 nodes")),
    Fault("A node is stopped (SIGSTOP)", stopped, _GONE, _said("says nothing", "2 of 3 nodes")),
    Fault(
        "A node is cut off from the others",
        cut_off,
        (("Galera node", "fail"), ("Galera cluster size", "fail")),
        _said("wsrep_cluster_status non-Primary", "2 of 3 nodes"),
    ),
    Fault(
        "A node was cut off, and made a cluster of its own",
        apart,
        (("Galera cluster identity", "fail"), ("Galera cluster size", "fail")),
        _said("do not see one another"),
    ),
    Fault("There should be more nodes", too_few_nodes, (("Galera cluster size", "fail"),), _said("3 of 5 nodes")),
    Fault("wsrep_desync is ON", variable("wsrep_desync", "ON", "OFF"), (("Galera node", "warn"),)),
    Fault("read_only is ON", variable("read_only", "ON", "OFF"), (("database writable", "fail"),)),
    Fault("A transaction is open for long", long_transaction, (("long transactions", "warn"),), _said("KILL")),
    Fault(
        "A change of a table waits for an open transaction",
        blocked_by_a_transaction,
        (("locks", "fail"), ("long transactions", "warn")),
        _said("ALTER", "KILL"),
    ),
    Fault("A change of a table waits for LOCK TABLES", blocked_by_locked_tables, (("locks", "fail"),), _said("ALTER")),
    Fault(
        "A change of rows waits for an open transaction",
        blocked_rows,
        (("locks", "warn"), ("long transactions", "warn")),
        _said("for rows in keystone.project; they are held by", "KILL"),
    ),
    Fault(
        "A node cannot apply what the others write (LOCK TABLES)",
        writes_held_up,
        (("Galera flow control", "fail"), ("locks", "fail"), ("long transactions", "warn")),
        _said("idle since before it: thread"),
    ),
    Fault("A replica was stopped", replication_stopped, (("replication", "fail"),), _said("Slave_SQL_Running is No")),
    Fault("A replica is behind", replication_behind, (("replication", "warn"),), _said("s behind")),
    Fault(
        "The account may not see how a replica is",
        replication_unseen,
        (("replication", "could-not-tell"),),
        _said("GRANT SLAVE MONITOR ON *.* TO 'keystone'@'%';"),
    ),
    Fault("No connection is left", no_connection_left, (("database servers", "fail"),), _said("max_connections")),
    Fault("The account is refused", unknown_account, (("database servers", "could-not-tell"),)),
    Fault(
        "The account has not the privilege PROCESS",
        few_privileges,
        (("long transactions", "warn"), ("locks", "warn")),
        _said("GRANT PROCESS ON *.* TO 'poor'@'%';"),
    ),
    Fault(
        "The binary log is on, and nobody is trusted with it",
        without_trust,
        (("triggers and the binary log", "warn"),),
        _said("error 1419"),
        target="2023.1",
    ),
)
