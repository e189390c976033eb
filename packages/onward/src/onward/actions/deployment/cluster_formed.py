"""Wait until the units of an application are one cluster; nobody is told of it before."""

from collections.abc import Callable, Mapping

from onward.actions.deployment.cluster_member import galera_status, is_synced, running_nodes
from onward.actions.deployment.noted import store_of
from onward.actions.waiting import Seen, wait_until
from onward.engine.action import Evidence, StepContext
from onward.hosts.state import Directories
from onward.plan.deployment.cluster import ClusterWish

SECONDS = 300.0


class GaleraFormed:
    """``cluster.galera``: every server is synced, and counts all of them in one primary component.

    It may count others, too: units that are about to leave. Evidence: the cluster's ``size`` and its ``uuid``. Once
    this is noted, no unit ever begins a cluster of its own again.
    """

    name = "cluster.galera"

    def apply(self, context: StepContext) -> Evidence:
        """Wait. Raises UnitNotReady, which says how far each server is."""
        wish = ClusterWish.model_validate(context.step.arguments)
        found = _wait(
            context,
            wish,
            lambda: {each.unit: galera_status(each.socket) for each in wish.members},
            lambda seen: _galera_whole(seen, _size(wish)),
        )
        first = found[wish.members[0].unit]
        return {"size": _size(wish), "uuid": first["wsrep_cluster_state_uuid"]}


class RabbitmqFormed:
    """``cluster.rabbitmq``: every node runs, and sees all others; it may see some that are about to leave.

    Evidence: the ``nodes``.
    """

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
            lambda: {each.unit: running_nodes(each.address, port, password) for each in wish.members},
            lambda seen: all(len(nodes) >= _size(wish) for nodes in seen.values()),
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


def _size(wish: ClusterWish) -> int:
    return wish.size or len(wish.members)


def _galera_whole(seen: Mapping[str, dict[str, str]], size: int) -> bool:
    return all(int(each.get("wsrep_cluster_size") or 0) >= size and is_synced(each) for each in seen.values())
