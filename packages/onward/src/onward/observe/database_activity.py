"""What is going on in a database server: connections, open transactions, and who waits for whom."""

from collections.abc import Iterable, Mapping
from typing import Any

from onward.checks.database_seen import Connection, Transaction, Unseen
from onward.observe.database_server import NotShown, Row, ServerConnection

# Only the first word of what is asked: the rest may hold what nobody should read in a report.
_CONNECTIONS = (
    "SELECT id AS thread, user AS account, host AS place, db AS of_database, command AS doing, time AS seconds,"
    " state AS stage, SUBSTRING_INDEX(TRIM(LEFT(info, 40)), ' ', 1) AS verb"
    " FROM information_schema.processlist WHERE id <> CONNECTION_ID() ORDER BY id"
)
# InnoDB gives its times in the zone of the system, whatever that of the session is.
_TRANSACTIONS = (
    "SELECT trx_id AS id, trx_mysql_thread_id AS thread, trx_rows_locked AS locked, trx_rows_modified AS changed,"
    " TIMESTAMPDIFF(SECOND, CONVERT_TZ(trx_started, 'SYSTEM', @@session.time_zone), NOW()) AS seconds,"
    " TIMESTAMPDIFF(SECOND, CONVERT_TZ(trx_wait_started, 'SYSTEM', @@session.time_zone), NOW()) AS waiting"
    " FROM information_schema.innodb_trx WHERE trx_mysql_thread_id <> CONNECTION_ID() ORDER BY trx_started"
)
# MariaDB has these tables; MySQL 8 has taken them away.
_WAITS = (
    "SELECT w.requesting_trx_id AS waiter, b.trx_mysql_thread_id AS blocker, l.lock_table AS of_table"
    " FROM information_schema.innodb_lock_waits w"
    " LEFT JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_trx_id"
    " LEFT JOIN information_schema.innodb_locks l ON l.lock_id = w.requested_lock_id"
)
_NOBODY = Connection(0, "", "", "", "", 0, "")


def connections(connection: ServerConnection) -> tuple[Connection, ...]:
    """All connections but this one; of other accounts only with the privilege PROCESS. Raises NotConnected."""
    try:
        return tuple(_connection(row) for row in connection.rows(_CONNECTIONS))
    except NotShown:
        return ()


def transactions(connection: ServerConnection, user: str) -> tuple[Transaction, ...] | Unseen:
    """All open transactions, the oldest first. Raises NotConnected."""
    try:
        rows = connection.rows(_TRANSACTIONS)
    except NotShown as error:
        if error.for_lack_of_privilege:
            why = f"{user} has not the privilege PROCESS"
            return Unseen(why, f"GRANT PROCESS ON *.* TO {account(user)};", withheld=True)
        return Unseen(str(error), "SELECT * FROM information_schema.innodb_trx;")
    try:
        waits = connection.rows(_WAITS)
    except NotShown:
        waits = []
    known = {each.thread: each for each in connections(connection)}
    return tuple(_transaction(row, known, waits) for row in rows)


def account(user: str) -> str:
    """An account as SQL names it: 'keystone'@'%'."""
    name, _, host = user.rpartition("@")
    return f"'{name}'@'{host}'"


def _connection(row: Row) -> Connection:
    return Connection(
        thread=int(row["thread"]),
        user=str(row["account"] or ""),
        host=str(row["place"] or ""),
        database=str(row["of_database"] or ""),
        command=str(row["doing"] or ""),
        seconds=max(0, int(row["seconds"] or 0)),
        state=str(row["stage"] or ""),
        verb=str(row["verb"] or "").upper() if str(row["verb"] or "").isalpha() else "",
    )


def _transaction(row: Row, known: Mapping[int, Connection], waits: Iterable[Row]) -> Transaction:
    mine = [wait for wait in waits if str(wait["waiter"]) == str(row["id"])]
    return Transaction(
        connection=known.get(int(row["thread"]), _NOBODY),
        seconds=max(0, int(row["seconds"] or 0)),
        rows_locked=int(row["locked"] or 0),
        rows_changed=int(row["changed"] or 0),
        waiting_seconds=_whole(row["waiting"]),
        blocked_by=tuple(sorted({int(wait["blocker"]) for wait in mine if wait["blocker"]})),
        table=next((str(wait["of_table"]).replace("`", "") for wait in mine if wait["of_table"]), ""),
    )


def _whole(value: Any) -> int | None:
    return None if value is None else max(0, int(value))
