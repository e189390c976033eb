"""Looks at all database servers side by side, as the services' own accounts may see them."""

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from shutil import disk_usage
from socket import gethostname
from typing import TypeVar

from sqlalchemy import URL

from onward.checks.database_seen import DatabaseServer, Unseen
from onward.observe.database_activity import account, connections, transactions
from onward.observe.database_server import NotConnected, NotShown, Row, ServerConnection

_VARIABLES = (
    "version",
    "read_only",
    "super_read_only",
    "innodb_read_only",
    "log_bin",
    "log_bin_trust_function_creators",
    "wsrep_on",
    "wsrep_desync",
    "wsrep_cluster_name",
    "wsrep_node_name",
    "max_connections",
    "hostname",
    "datadir",
)
_STATUS = (
    "threads_connected",
    "slave_running",
    "slaves_running",
    "wsrep_cluster_status",
    "wsrep_cluster_size",
    "wsrep_cluster_state_uuid",
    "wsrep_connected",
    "wsrep_ready",
    "wsrep_local_state_comment",
    "wsrep_desync_count",
    "wsrep_flow_control_paused",
    "wsrep_flow_control_paused_ns",
    "wsrep_local_recv_queue",
    "wsrep_incoming_addresses",
)
_SAMPLE_SECONDS = 1.0
"""How long flow control is watched; what the server counts since it was started says little about now."""
_MAY_CREATE_TRIGGERS = re.compile(r"^GRANT [^`']*\b(SUPER|BINLOG ADMIN|ALL PRIVILEGES)\b[^`']* ON \*\.\* TO ")
"""In MariaDB, sql/sql_trigger.cc asks for either (PRIV_LOG_BIN_TRUSTED_SP_CREATOR); MySQL's manual for SUPER."""
_TABLES = (
    "SELECT table_schema AS of_database, table_name AS of_table, data_length + index_length AS size"
    " FROM information_schema.tables WHERE table_schema IN %(databases)s AND table_type = 'BASE TABLE'"
)

Answer = TypeVar("Answer")


def observe_servers(accounts: Mapping[str, Sequence[URL]], databases: Collection[str]) -> tuple[DatabaseServer, ...]:
    """What the servers show to the accounts, by node; ``databases`` are those of the services. Raises nothing.

    The first account that may log in looks at the server, and the first with the privilege PROCESS at what is going on.
    """
    if not accounts:
        return ()
    with ThreadPoolExecutor(max_workers=len(accounts), thread_name_prefix="database-server") as pool:
        looks = [pool.submit(_look, node, urls, databases) for node, urls in accounts.items()]
        return tuple(look.result() for look in looks)


def _look(node: str, urls: Sequence[URL], databases: Collection[str]) -> DatabaseServer:
    seen = DatabaseServer(node, "unreachable", "no account is known for it")
    for url in urls:
        try:
            connection = ServerConnection(url)
        except NotConnected as error:
            if not seen.answers:
                seen = replace(seen, no_answer=error.kind, words=str(error))
            if error.kind != "login":
                break  # another account would fare no better
            continue
        try:
            for look in (_account, _state, _replication, _activity, _sizes):
                seen = look(connection, seen, databases)
        except NotConnected as error:
            if not seen.answers:
                return replace(seen, no_answer=error.kind, words=str(error))
            return replace(seen, unread=(*seen.unread, f"it answered at first, and then no more ({error})"))
        finally:
            connection.close()
    return seen


# Each of these adds what the account of the connection sees, and raises NotConnected.


def _account(connection: ServerConnection, seen: DatabaseServer, _databases: Collection[str]) -> DatabaseServer:
    user = str(connection.rows("SELECT CURRENT_USER() AS account")[0]["account"])
    grants = {**seen.grants, user: _may_create_triggers(connection)}
    if seen.answers:
        return replace(seen, user=user, grants=grants)
    not_asked = Unseen("the server did not come to say it", "SHOW PROCESSLIST;")
    return DatabaseServer(seen.node, user=user, grants=grants, replication=not_asked, transactions=not_asked)


def _state(connection: ServerConnection, seen: DatabaseServer, _databases: Collection[str]) -> DatabaseServer:
    """What everybody may see."""
    if seen.version:
        return seen
    unread: list[str] = []

    def asked(ask: Callable[[], Answer], otherwise: Answer) -> Answer:
        try:
            return ask()
        except NotShown as error:
            unread.append(str(error))
            return otherwise

    nothing: dict[str, str] = {}
    variables = asked(lambda: connection.named("VARIABLES", _VARIABLES), nothing)
    status = asked(lambda: connection.named("STATUS", _STATUS), nothing)
    paused = asked(lambda: _paused_now(connection, status), None)
    version = variables.get("version", "")
    return replace(
        seen, version=version, variables=variables, status=status, paused_now=paused, unread=(*seen.unread, *unread)
    )


def _activity(connection: ServerConnection, seen: DatabaseServer, _databases: Collection[str]) -> DatabaseServer:
    if not isinstance(seen.transactions, Unseen):
        return seen
    return replace(seen, transactions=transactions(connection, seen.user), connections=connections(connection))


def _sizes(connection: ServerConnection, seen: DatabaseServer, databases: Collection[str]) -> DatabaseServer:
    """An account sees the tables that it may use. Last, because this is what a busy server may not come to answer."""
    try:
        tables = _table_bytes(connection, databases)
    except NotShown as error:
        return replace(seen, unread=(*seen.unread, str(error)))
    free = seen.free_bytes
    if isinstance(free, Unseen):
        free = _free_bytes(connection, seen.variables.get("datadir", ""))
    if isinstance(free, Unseen) and (here := _free_here(seen.variables, databases)) is not None:
        free = here
    return replace(seen, free_bytes=free, table_bytes={**seen.table_bytes, **tables})


def _may_create_triggers(connection: ServerConnection) -> bool:
    """Whether the account may while the binary log is on and nobody is trusted with it. Raises NotConnected."""
    try:
        rows = connection.rows("SHOW GRANTS")
    except NotShown:
        return False
    # Nothing of it is kept: it has the hash of the password.
    return any(_MAY_CREATE_TRIGGERS.match(str(grant)) for row in rows for grant in row.values())


def _paused_now(connection: ServerConnection, before: Mapping[str, str]) -> float | None:
    """Raises NotShown, NotConnected."""
    name = "wsrep_flow_control_paused_ns"
    if name not in before:
        return None
    first, began = connection.named("STATUS", [name]), time.monotonic_ns()
    time.sleep(_SAMPLE_SECONDS)
    second, ended = connection.named("STATUS", [name]), time.monotonic_ns()
    return max(0.0, min(1.0, (int(second[name]) - int(first[name])) / (ended - began)))


def _replication(connection: ServerConnection, seen: DatabaseServer, _databases: Collection[str]) -> DatabaseServer:
    if not isinstance(seen.replication, Unseen):
        return seen
    mariadb = seen.product == "MariaDB"
    # MySQL 8.4 knows the new words alone, MySQL up to 8.0.21 the old ones alone.
    statements = ["SHOW ALL SLAVES STATUS"] if mariadb else ["SHOW REPLICA STATUS", "SHOW SLAVE STATUS"]
    why = ""
    for statement in statements:
        try:
            return replace(seen, replication=tuple(_in_old_words(row) for row in connection.rows(statement)))
        except NotShown as error:
            why = str(error)
            if error.for_lack_of_privilege:
                break
    privilege = "REPLICATION CLIENT" if not mariadb or seen.release < (10, 5) else "SLAVE MONITOR"
    return replace(seen, replication=Unseen(why, f"GRANT {privilege} ON *.* TO {account(seen.user)};"))


def _in_old_words(row: Row) -> dict[str, str]:
    return {
        key.replace("source", "master").replace("replica", "slave"): str("" if value is None else value)
        for key, value in row.items()
    }


def _table_bytes(connection: ServerConnection, databases: Collection[str]) -> dict[str, int]:
    """Raises NotShown, NotConnected."""
    if not databases:
        return {}
    rows = connection.rows(_TABLES, {"databases": sorted(databases)})
    return {f"{row['of_database']}.{row['of_table']}": int(row["size"] or 0) for row in rows}


def _free_bytes(connection: ServerConnection, directory: str) -> int | Unseen:
    """What MariaDB's plug-in DISKS says of the file system that holds the data. Raises NotConnected."""
    try:
        rows = connection.rows("SELECT path, available FROM information_schema.disks")
    except NotShown as error:
        if error.unknown:
            return Unseen("the server does not say how much room its disk has (MariaDB's plug-in DISKS does)")
        return Unseen(str(error))
    if not rows:
        return Unseen("MariaDB's plug-in DISKS says it to accounts with the privilege FILE alone")
    mounts = [row for row in rows if _below(directory, str(row["path"]))]
    if not mounts:
        return Unseen("the server names no disk that holds its data")
    return int(max(mounts, key=lambda row: len(str(row["path"])))["available"]) * 1024


def _free_here(variables: Mapping[str, str], databases: Collection[str]) -> int | None:
    """Of a server on this machine, where its data can be seen from here; None elsewhere, and of one in a container."""
    directory = Path(variables.get("datadir", ""))
    try:
        if variables.get("hostname") == gethostname() and any((directory / each).is_dir() for each in databases):
            return disk_usage(directory).free
    except OSError:
        pass  # only its own account may look into it
    return None


def _below(directory: str, mount: str) -> bool:
    return directory == mount or directory.startswith(mount.rstrip("/") + "/")
