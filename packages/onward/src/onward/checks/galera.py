"""Whether the nodes of a Galera cluster are all there, in it, and keep up. Pure.

What the status variables mean: Galera's documentation, "Monitoring the Cluster" and "Galera Status Variables".
"""

from collections.abc import Iterable, Sequence

from onward.checks.database_seen import DatabaseServer
from onward.checks.database_servers import nodes_of, one_by_one
from onward.checks.finding import Finding, unclear
from onward.checks.replication import is_replica

PAUSED_WARN = 0.1
"""Part of the time in which flow control stops all writes: a tenth is felt by every service."""
PAUSED_FAIL = 0.9
"""Nothing is written any more."""
_WORKING = ("synced",)
_BEHIND = ("donor/desynced",)


def galera_findings(servers: Sequence[DatabaseServer], expected: int | None) -> list[Finding]:
    """What is to be said of the cluster; ``expected`` nodes should be in it, None where nothing says how many."""
    there = [each for each in servers if each.answers and (each.clustered or not is_replica(each))]
    if not any(each.clustered for each in there):
        if expected is not None and expected > 1 and there:
            said = f"there should be {expected} nodes, and wsrep_on is OFF on all that answer: {nodes_of(there)}"
            return [Finding("Galera cluster size", "fail", said, "look at wsrep_on and wsrep_provider in my.cnf")]
        if there:
            return [Finding("Galera cluster", "not-checked", f"no server is in a Galera cluster: {nodes_of(there)}")]
        return []
    return [
        *_size(there, expected),
        *one_by_one("Galera node", there, _node, "Primary, Synced and ready"),
        *_identity(there),
        *_flow_control(there),
    ]


def _primary(server: DatabaseServer) -> bool:
    return server.status.get("wsrep_cluster_status", "").lower() == "primary"


def _cluster_size(server: DatabaseServer) -> int:
    size = server.status.get("wsrep_cluster_size", "")
    return int(size) if size.isdigit() else 0


def _uuid(server: DatabaseServer) -> str:
    uuid = server.status.get("wsrep_cluster_state_uuid", "")
    return "" if uuid.strip("0-") == "" else uuid


def _size(servers: Sequence[DatabaseServer], expected: int | None) -> list[Finding]:
    name = "Galera cluster size"
    primary = [each for each in servers if each.clustered and _primary(each)]
    if not primary:
        said = f"no node that answers is in the primary component: {nodes_of(servers)}; the services cannot write"
        way = (
            "get the other nodes back first; only if they are lost, on the node with the highest wsrep_last_committed:"
            " SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES';"
        )
        return [Finding(name, "fail", said, way)]
    size = max(map(_cluster_size, primary))
    if expected is None:
        said = f"{size}; nothing says how many there should be"
        return [
            Finding(name, "not-checked", said, "in the cloud file: infrastructure: {database: {cluster_size: ...}}")
        ]
    if size < expected:
        named = {each.status.get("wsrep_incoming_addresses", "") for each in primary} - {""}
        members = next((each for each in named if "AUTO" not in each), "")
        said = f"{size} of {expected} nodes, as {primary[0].node} sees it" + (f": {members}" if members else "")
        lost = "one more that fails may stop all writes" if size * 2 > expected else "it has lost the majority"
        way = "see which is missing under database servers and Galera node, and start it: systemctl start mariadb"
        return [Finding(name, "fail", f"{said}; {lost}", way)]
    if size > expected:
        said = f"{size} nodes, and {expected} are known: some are not looked at"
        return [Finding(name, "warn", said, "name all of them: infrastructure: {database: {nodes: [...]}}")]
    return [Finding(name, "pass", f"{size} of {expected} nodes")]


def _node(server: DatabaseServer) -> Iterable[Finding]:
    name, node, status = "Galera node", server.node, server.status
    if not server.clustered:
        way = "look at wsrep_on and wsrep_provider in its my.cnf: what is written there is on no other node"
        yield Finding(name, "fail", "wsrep_on is OFF: it is no part of the cluster that the others are in", way, node)
        return
    if "wsrep_cluster_status" not in status:
        yield unclear(name, "it does not say how its cluster is", "SHOW GLOBAL STATUS LIKE 'wsrep%';", node)
        return
    state = status.get("wsrep_local_state_comment", "")
    seen = (
        f"wsrep_cluster_status {status['wsrep_cluster_status']}, wsrep_ready {status.get('wsrep_ready', '?')},"
        f" wsrep_connected {status.get('wsrep_connected', '?')}, wsrep_local_state_comment {state},"
        f" wsrep_cluster_size {status.get('wsrep_cluster_size', '?')}"
    )
    if not _primary(server) or status.get("wsrep_ready", "").upper() != "ON":
        said = f"it refuses all queries, because it has lost its cluster or has not joined it: {seen}"
        way = (
            "look at the network between the nodes (ports 4567, 4568, 4444), and at: journalctl -u mariadb -n 100;"
            " then on that machine: systemctl restart mariadb"
        )
        yield Finding(name, "fail", said, way, node)
    elif state.lower() in _BEHIND or server.variables.get("wsrep_desync", "OFF").upper() == "ON":
        wanted = server.variables.get("wsrep_desync", "OFF").upper() == "ON"
        why = "wsrep_desync is ON" if wanted else "it gives another node a copy, or a backup runs"
        way = "SET GLOBAL wsrep_desync = OFF;" if wanted else "wait until that is done"
        yield Finding(name, "warn", f"it may fall behind without holding up the others: {why}; {seen}", way, node)
    elif state.lower() not in _WORKING:
        yield Finding(name, "fail", f"it is not yet in step: {seen}", "wait until it is Synced", node)


def _identity(servers: Sequence[DatabaseServer]) -> list[Finding]:
    """Two clusters that were one may each be well, and differ more with every write."""
    name = "Galera cluster identity"
    # A node that was never in one has no cluster's identity yet; what is wrong with it is said elsewhere.
    members = [each for each in servers if each.clustered and _uuid(each)]
    clusters: dict[str, list[DatabaseServer]] = {}
    for each in members:
        clusters.setdefault(_uuid(each), []).append(each)
    way = (
        "stop writing at once; find out which of them the services use, keep that one, and let the others join it anew,"
        " with an empty data directory"
    )
    if len(clusters) > 1:
        said = "; ".join(f"wsrep_cluster_state_uuid {uuid}: {nodes_of(nodes)}" for uuid, nodes in clusters.items())
        return [Finding(name, "fail", f"the nodes are of {len(clusters)} clusters: {said}", way)]
    primary = [each for each in members if _primary(each)]
    small = [each for each in primary if _cluster_size(each) < len(primary)]
    if small:
        said = "; ".join(f"{each.node} counts {_cluster_size(each)}" for each in primary)
        return [Finding(name, "fail", f"{len(primary)} nodes are Primary, and do not see one another: {said}", way)]
    if not members:
        said = f"no node says which cluster it is of: {nodes_of(servers)}"
        return [unclear(name, said, "SHOW GLOBAL STATUS LIKE 'wsrep_cluster_state_uuid';")]
    return [Finding(name, "pass", f"one cluster, wsrep_cluster_state_uuid {next(iter(clusters))}: {nodes_of(members)}")]


def _flow_control(servers: Sequence[DatabaseServer]) -> list[Finding]:
    """One node that cannot follow stops the writes of all."""
    name = "Galera flow control"
    watched = [(each.paused_now, each) for each in servers if each.clustered and each.paused_now is not None]
    if not watched:
        return []
    paused, _ = max(watched, key=lambda each: each[0])
    if paused < PAUSED_WARN:
        return [Finding(name, "pass", f"writes are not held up: {nodes_of(server for _, server in watched)}")]
    _, slowest = max(watched, key=lambda each: (_queue(each[1]), each[0]))
    said = (
        f"just now, all writes to the cluster stood still for {paused:.0%} of the time;"
        f" this node is the furthest behind: wsrep_local_recv_queue {_queue(slowest)}"
    )
    way = (
        "look under locks and long transactions for what holds it up, then at its disk and load; as a last resort, let"
        " the others go on without it: SET GLOBAL wsrep_desync = ON;"
    )
    return [Finding(name, "fail" if paused >= PAUSED_FAIL else "warn", said, way, slowest.node)]


def _queue(server: DatabaseServer) -> int:
    """Changes of other nodes that it has received and not applied."""
    queue = server.status.get("wsrep_local_recv_queue", "")
    return int(queue) if queue.isdigit() else 0
