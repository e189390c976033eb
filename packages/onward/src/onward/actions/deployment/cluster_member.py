"""How far a node of a cluster is, asked of itself."""

import pymysql
import requests

from onward.hosts.user import own_name
from onward.observe.listening import ANSWER_SECONDS

GALERA_TOLD = (
    "wsrep_cluster_size",
    "wsrep_cluster_status",
    "wsrep_local_state_comment",
    "wsrep_cluster_state_uuid",
)


def galera_status(socket: str) -> dict[str, str]:
    """What a server says of its cluster; ``error`` alone where it does not answer."""
    try:
        with (
            pymysql.connect(unix_socket=socket, user=own_name(), connect_timeout=5, read_timeout=5) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SHOW GLOBAL STATUS LIKE 'wsrep%'")
            status = {str(name): str(value) for name, value in cursor.fetchall()}
    except pymysql.Error as error:
        return {"error": str(error)}
    return {name: status.get(name, "") for name in GALERA_TOLD}


def is_synced(status: dict[str, str]) -> bool:
    """Whether a server has all data and may write: only then another one may be stopped."""
    return status.get("wsrep_cluster_status") == "Primary" and status.get("wsrep_local_state_comment") == "Synced"


def running_nodes(address: str, port: int, password: str) -> list[str]:
    """Names of the broker's nodes that run, as one of them sees it; none where it does not answer."""
    try:
        answer = requests.get(f"http://{address}:{port}/api/nodes", auth=("onward", password), timeout=ANSWER_SECONDS)
        listed = answer.json() if answer.status_code == 200 else []
    except (requests.RequestException, ValueError):
        return []
    return [str(each["name"]) for each in listed if each.get("running")]
