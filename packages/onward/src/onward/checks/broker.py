"""What is to be said of a message broker's servers and of its cluster. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from onward.checks.finding import Finding, Result, unclear
from onward.model.broker import BrokerNode, BrokerObservation, LoginAnswer, ManagementAnswer

LOGIN = "broker login"
MANAGEMENT = "broker management"
CLUSTER = "broker cluster"
PARTITIONS = "broker partitions"
ALARMS = "broker alarms"
LIMITS = "broker limits"

NEAR = 0.80
"""Of file descriptors and sockets: half as many connections again, as after a node's end, no longer fit in."""
FULL = 0.95
"""What is left is gone with the next service that restarts: each opens dozens of connections at once."""


def login_findings(logins: Sequence[LoginAnswer]) -> Iterator[Finding]:
    """Whether each server takes the credentials that the services have for it."""
    for login in logins:
        who = f"user {login.user}, virtual host {login.virtual_host} ({', '.join(login.services)})"
        if login.outcome == "answered":
            details = f"accepts {who}; RabbitMQ {login.release}"
            yield Finding(LOGIN, "pass", details, about=login.address)
            continue
        words = {
            "unreachable": (
                "no connection",
                "on that host: systemctl start rabbitmq-server; rabbitmq-diagnostics status (maintenance?)",
            ),
            "silent": ("accepts connections and says nothing", "rabbitmqctl status, on that host; it may hang"),
            "refused": ("refuses", _mend_login(login)),
            "not trusted": ("its certificate is not accepted", "see: broker certificate"),
            "no tls": ("speaks no TLS, which the services want", "compare port and [oslo_messaging_rabbit] ssl"),
            "tls": ("speaks TLS, which the services do not", "compare port and [oslo_messaging_rabbit] ssl"),
        }
        what, way_out = words.get(login.outcome, ("does not speak AMQP 0-9-1", "compare port and ssl in transport_url"))
        yield Finding(LOGIN, "fail", f"{what}: {login.reason}; {who}", way_out, login.address)


def _mend_login(login: LoginAnswer) -> str:
    if "vhost" in login.reason or "virtual host" in login.reason:
        return f"rabbitmqctl list_permissions -p {login.virtual_host}"
    return f"compare transport_url with: rabbitmqctl authenticate_user {login.user}"


def management_findings(seen: BrokerObservation) -> Iterator[Finding]:
    """What the nodes say of themselves and of each other."""
    for answer in seen.management:
        yield _answered(answer, seen.user)
    answering = [answer for answer in seen.management if answer.outcome == "answered"]
    if not answering:
        why = "no URL of the management API answers"
        for name in (CLUSTER, PARTITIONS, ALARMS, LIMITS):
            yield unclear(name, why, "see: broker management")
        return
    yield from _cluster(answering, seen)
    yield from _partitions(answering)
    yield from _alarms(answering)
    yield from _limits(answering)


def _answered(answer: ManagementAnswer, user: str) -> Finding:
    if answer.outcome == "answered":
        details = f"{answer.node}: RabbitMQ {answer.release}, Erlang {answer.erlang}"
        return Finding(MANAGEMENT, "pass", details, about=answer.address)
    ways = {
        "unreachable": "on that host: rabbitmq-plugins enable rabbitmq_management; or say where it is: "
        "infrastructure: {broker: {management: [URL]}}",
        "silent": "on that host: rabbitmqctl status; it hangs where the node does",
        "refused": f"rabbitmqctl set_user_tags {user} monitoring; or another user: infrastructure: {{broker: ...}}",
    }
    way_out = ways.get(answer.outcome, "compare infrastructure.broker.management with the node's management.tcp.port")
    return unclear(MANAGEMENT, answer.reason, way_out, answer.address)


def _cluster(answering: Sequence[ManagementAnswer], seen: BrokerObservation) -> Iterator[Finding]:
    views = {answer.node or answer.address: answer.nodes for answer in answering if answer.nodes is not None}
    if not views:
        yield unclear(CLUSTER, f"nodes wait for one that hangs: {'; '.join(_reasons(answering))}", _ask_hosts(seen))
        return
    members = {frozenset(node.name for node in nodes) for nodes in views.values()}
    if len(members) > 1:
        told = " ".join(f"({_listed(each)})" for each in sorted(members, key=sorted))
        way_out = "on the node that is alone: rabbitmqctl stop_app, reset, join_cluster NODE, start_app"
        yield Finding(CLUSTER, "fail", f"the servers are {len(members)} clusters: {told}", way_out)
    known = sorted(frozenset[str]().union(*members))
    # A node that answers runs, whatever others think of it: that is a partition, of which another finding speaks.
    running = {node.name for nodes in views.values() for node in nodes if node.running} | {
        answer.node for answer in answering
    }
    down = [name for name in known if name not in running]
    for name in down:
        yield Finding(
            CLUSTER,
            "fail",
            f"{name} does not run, as {_listed(views)} say; {len(known) - len(down)} of {len(known)} nodes run",
            f"on its host: systemctl start rabbitmq-server; gone for good: rabbitmqctl forget_cluster_node {name}",
            name,
        )
    drained = sorted({node.name for nodes in views.values() for node in nodes if node.drained})
    for name in drained:
        yield Finding(
            CLUSTER, "warn", "it is in maintenance mode and takes no clients", "rabbitmq-upgrade revive", name
        )
    if hidden := _reasons(answering):
        yield unclear(CLUSTER, f"not all nodes describe it: {'; '.join(hidden)}", _ask_hosts(seen))
    elif not down and not drained and len(members) == 1:
        yield Finding(CLUSTER, "pass", f"{len(known)} of {len(known)} nodes run: {_listed(known)}")


def _ask_hosts(seen: BrokerObservation) -> str:
    """Which hosts to look at: those that accept connections and do not answer."""
    silent = dict.fromkeys(
        [
            *(each.address for each in seen.logins if each.outcome == "silent"),
            *(each.address for each in seen.management if each.outcome == "silent"),
        ]
    )
    return f"look first at what hangs: {', '.join(silent)}" if silent else "rabbitmqctl cluster_status, on each host"


def _partitions(answering: Sequence[ManagementAnswer]) -> Iterator[Finding]:
    way_out = (
        "decide which side is right, then on each node of the other: rabbitmqctl stop_app && rabbitmqctl start_app"
    )
    found = False
    running = {answer.node: answer for answer in answering if answer.node}
    for name, answer in running.items():
        own = next((node for node in answer.nodes or () if node.name == name), None)
        if own is not None and own.partitions:
            found = True
            details = f"it was cut off from {_listed(own.partitions)}, and both sides went on by themselves"
            yield Finding(PARTITIONS, "fail", details, way_out, name)
        written_down = own.partitions if own is not None else ()
        unseen = [
            node.name
            for node in answer.nodes or ()
            if not node.running and node.name in running and node.name not in written_down
        ]
        if unseen:
            found = True
            details = f"it does not see {_listed(unseen)}, which answers here"
            yield Finding(PARTITIONS, "fail", details, f"the network between them; {way_out}", name)
    blind = [answer.node for answer in answering if answer.nodes is None]
    if blind and not found:
        yield unclear(PARTITIONS, "; ".join(_reasons(answering)), "rabbitmqctl cluster_status, on each host")
    elif not found:
        yield Finding(PARTITIONS, "pass", f"none, as {_listed(running)} see it")


def _alarms(answering: Sequence[ManagementAnswer]) -> Iterator[Finding]:
    stopped = "publishers are blocked in the whole cluster"
    nodes = _each_node(answering)
    found = False
    for node in nodes:
        if node.memory_alarm:
            found = True
            details = f"memory: {_size(node.memory_used)} used, limit {_size(node.memory_limit)}; {stopped}"
            way_out = "rabbitmqctl list_queues name messages memory; rabbitmq-diagnostics memory_breakdown"
            yield Finding(ALARMS, "fail", details, way_out, node.name)
        if node.disk_alarm:
            found = True
            details = f"disk: {_size(node.disk_free)} free, limit {_size(node.disk_limit)}; {stopped}"
            yield Finding(
                ALARMS, "fail", details, "make room in its data directory: df -h /var/lib/rabbitmq", node.name
            )
    heard = {alarm: answer.node for answer in answering for alarm in answer.alarms or ()}
    if heard and not found:
        found = True
        told = "; ".join(f"{alarm}, as {node} has heard" for alarm, node in heard.items())
        yield Finding(ALARMS, "fail", f"{told}; {stopped}", "rabbitmq-diagnostics alarms")
    if found:
        return
    if not nodes and all(answer.alarms is None for answer in answering):
        yield unclear(ALARMS, "; ".join(_reasons(answering)), "rabbitmq-diagnostics alarms, on each host")
        return
    room = ", ".join(f"{node.name} {_size(node.disk_free)}" for node in nodes if node.running)
    details = (
        f"none; free on disk: {room}" if room else f"none that {_listed(each.node for each in answering)} heard of"
    )
    yield Finding(ALARMS, "pass", details)


def _limits(answering: Sequence[ManagementAnswer]) -> Iterator[Finding]:
    nodes = [node for node in _each_node(answering) if node.used]
    if not nodes:
        yield unclear(LIMITS, "; ".join(_reasons(answering)) or "the nodes say no numbers", "rabbitmqctl status")
        return
    found = False
    for node in nodes:
        for name, used, total in node.used:
            if used / total >= NEAR:
                found = True
                result: Result = "fail" if used / total >= FULL else "warn"
                way_out = f"rabbitmqctl list_connections user peer_host; raise the limit (LimitNOFILE) of {node.name}"
                yield Finding(LIMITS, result, f"{used} of {total} {name} are used", way_out, node.name)
    if not found:
        most = [max(each, key=lambda each: each[1] / each[2]) for each in (node.used for node in nodes)]
        told = "; ".join(
            f"{node.name}: {used} of {total} {name}" for node, (name, used, total) in zip(nodes, most, strict=True)
        )
        yield Finding(LIMITS, "pass", told)


def _each_node(answering: Sequence[ManagementAnswer]) -> list[BrokerNode]:
    """Every node once, as it describes itself where it answered, otherwise as somebody describes it."""
    told = sorted(
        (
            (node.name, answer.node != node.name or not node.used, node)
            for answer in answering
            for node in answer.nodes or ()
        ),
        key=lambda each: each[:2],
    )
    return [next(each)[2] for _, each in groupby(told, key=lambda each: each[0])]


def _reasons(answering: Sequence[ManagementAnswer]) -> list[str]:
    return [f"{answer.address}: {answer.nodes_reason}" for answer in answering if answer.nodes_reason]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _size(number: int) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number} bytes"
