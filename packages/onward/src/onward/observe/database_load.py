"""How a MariaDB server bears it, by its own status. Only reads.

https://mariadb.com/kb/en/server-status-variables/, https://mariadb.com/kb/en/galera-cluster-status-variables/,
https://mariadb.com/kb/en/show-replica-status/.
"""

from typing import Any

import pymysql
import pymysql.cursors
from pymysql.constants import ER

from onward.model.restart import DatabaseLoad

SECONDS = 5
_STATUS = ("Threads_running", "Threads_connected", "wsrep_local_recv_queue", "wsrep_flow_control_paused")


def observe_database_load(server: str, socket: str, user: str) -> DatabaseLoad:
    """How it is now, asked over its socket as this user. What cannot be asked is a ``failure``; nothing is raised."""
    try:
        with (
            pymysql.connect(
                unix_socket=socket,
                user=user,
                connect_timeout=SECONDS,
                read_timeout=SECONDS,
                cursorclass=pymysql.cursors.DictCursor,
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SHOW GLOBAL STATUS WHERE Variable_name IN %s", (_STATUS,))
            status = {row["Variable_name"]: row["Value"] for row in cursor.fetchall()}
            cursor.execute("SELECT @@max_connections AS allowed")
            allowed = cursor.fetchone()
            cursor.execute("SHOW SLAVE STATUS")
            replica = cursor.fetchone()
    except pymysql.Error as error:
        return DatabaseLoad(server, failure=str(error), full=error.args[:1] == (ER.CON_COUNT_ERROR,))
    connected, limit = int(status.get("Threads_connected", 0)), int((allowed or {}).get("allowed", 0))
    return DatabaseLoad(
        server,
        # The one that asks is one of them.
        running=max(0, int(status.get("Threads_running", 1)) - 1),
        connected=connected,
        allowed=limit,
        # One more than it takes is let in, if it is an administrator, and that one asks here.
        full=connected > limit > 0,
        queued=int(status.get("wsrep_local_recv_queue", 0)),
        paused=float(status.get("wsrep_flow_control_paused", 0)),
        lag_seconds=_lag(replica),
    )


def _lag(replica: dict[str, Any] | None) -> float | None:
    """Seconds; none where it replicates nobody, or does not say."""
    behind = (replica or {}).get("Seconds_Behind_Master")
    return None if behind is None else float(behind)
