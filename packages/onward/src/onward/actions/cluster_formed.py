"""Wait until the units of an application are one cluster; nobody is told of it before."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pymysql
import requests

from onward.actions.deployment import store_of
from onward.actions.unit_start import FORMED
from onward.actions.waiting import Seen, wait_until
from onward.engine.action import Evidence, StepContext
from onward.hosts.state import Directories
from onward.hosts.user import own_name
from onward.observe.listening import ANSWER_SECONDS
from onward.plan.deployment.cluster import ClusterWish, Member

SECONDS = 300.0


class GaleraFormed:
    """``cluster.galera``: every server is synced, and counts all of them in one primary component.

    Evidence: the cluster's ``size`` and its ``uuid``. Each unit then has a mark that it has been part of it,
    so that none ever begins a cluster of its own again.
    """

    name = "cluster.galera"

    def apply(self, context: StepContext) -> Evidence:
        """Wait. Raises UnitNotReady, which says how far each server is."""
        wish = ClusterWish.model_validate(context.step.arguments)
        found = _wait(context, wish, lambda: {each.unit: _galera(each) for each in wish.members}, _galera_whole)
        for member in wish.members:
            (Path(member.directory) / FORMED).touch(mode=0o600)
        first = found[wish.members[0].unit]
        return {"size": len(wish.members), "uuid": first["wsrep_cluster_state_uuid"]}


class RabbitmqFormed:
    """``cluster.rabbitmq``: every node runs, and sees all others. Evidence: the ``nodes``."""

    name = "cluster.rabbitmq"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Wait. Raises UnitNotReady, which says what each node sees."""
        wish = ClusterWish.model_validate(context.step.arguments)
        password = store_of(self._directories, context).secrets()[wish.secret]
        port = wish.ports["management"]
        found = _wait(
            context,
            wish,
            lambda: {each.unit: _running(each.address, port, password) for each in wish.members},
            lambda seen: all(len(nodes) == len(wish.members) for nodes in seen.values()),
        )
        return {"nodes": sorted(found[wish.members[0].unit])}


def _wait(
    context: StepContext,
    wish: ClusterWish,
    look: Callable[[], Mapping[str, Seen]],
    whole: Callable[[Mapping[str, Seen]], bool],
) -> Mapping[str, Seen]:
    return wait_until(
        context,
        look,
        whole,
        seconds=SECONDS,
        stopped=f"Stopped while the cluster of {wish.application} was forming.",
        failed=f"The units of {wish.application} have not become one cluster.",
        state="Its units run; nothing that uses them was begun.",
    )


def _galera(member: Member) -> dict[str, str]:
    try:
        with (
            pymysql.connect(
                unix_socket=member.socket, user=own_name(), connect_timeout=5, read_timeout=5
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SHOW GLOBAL STATUS LIKE 'wsrep%'")
            status = {str(name): str(value) for name, value in cursor.fetchall()}
    except pymysql.Error as error:
        return {"error": str(error)}
    told = ("wsrep_cluster_size", "wsrep_cluster_status", "wsrep_local_state_comment", "wsrep_cluster_state_uuid")
    return {name: status.get(name, "") for name in told}


def _galera_whole(seen: Mapping[str, dict[str, str]]) -> bool:
    size = str(len(seen))
    return all(
        each.get("wsrep_cluster_size") == size
        and each.get("wsrep_cluster_status") == "Primary"
        and each.get("wsrep_local_state_comment") == "Synced"
        for each in seen.values()
    )


def _running(address: str, port: int, password: str) -> list[str]:
    """Names of the nodes that run, as one of them sees it; none where it does not answer."""
    try:
        answer = requests.get(f"http://{address}:{port}/api/nodes", auth=("onward", password), timeout=ANSWER_SECONDS)
        listed = answer.json() if answer.status_code == 200 else []
    except (requests.RequestException, ValueError):
        return []
    return [str(each["name"]) for each in listed if each.get("running")]
