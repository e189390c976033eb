"""What is to be said of a broker's queues. Pure."""

from collections.abc import Iterator, Sequence

from onward.checks.finding import Finding, Result, unclear
from onward.model.broker import BrokerObservation, Queue

DEPTH = "broker queues"
MEMBERS = "broker queue members"

UNREAD = 1000
"""Messages in a queue that nobody reads. A service that restarts leaves some dozens for the minute that it takes;
so many are those of one that is gone, or notifications that nobody asked for."""
BEHIND = 10_000
"""Messages in a queue that is read. A caller waits 60 s for an answer (oslo.messaging, rpc_response_timeout); more than
150 a second is what one agent's queue does not get, so that these are calls that were given up."""
MOST_NAMES = 5


def queue_findings(seen: BrokerObservation) -> Iterator[Finding]:
    """Queues that fill up, and queues that are not served by the nodes that they need."""
    if seen.queues is None:
        for name in (DEPTH, MEMBERS):
            yield unclear(name, seen.queues_reason, "rabbitmqctl list_queues name messages consumers")
        return
    yield from _depth(seen.queues)
    yield from _members(seen.queues)


def _depth(queues: Sequence[Queue]) -> Iterator[Finding]:
    unread = [each for each in queues if each.consumers == 0 and each.messages >= UNREAD]
    behind = [each for each in queues if each.consumers != 0 and each.messages >= BEHIND]
    for what, chosen, way_out in (
        ("nobody reads it", unread, "start what reads it, or empty it: rabbitmqctl purge_queue -p {vhost} {name}"),
        ("its readers fall behind", behind, "rabbitmqctl list_consumers -p {vhost}, and the log of the service"),
    ):
        for queue in sorted(chosen, key=lambda each: -each.messages)[:MOST_NAMES]:
            grows = f", growing by {queue.growth:g} a second" if queue.growth > 0 else ""
            details = f"{queue.messages} messages, {queue.consumers} consumers{grows}: {what}"
            words = way_out.format(vhost=queue.virtual_host, name=queue.name)
            yield Finding(DEPTH, "warn", details, words, _named(queue))
        if len(chosen) > MOST_NAMES:
            rest = len(chosen) - MOST_NAMES
            yield Finding(
                DEPTH, "warn", f"{rest} more queues: {what}", "rabbitmqctl list_queues name messages consumers"
            )
    if not unread and not behind:
        messages = sum(each.messages for each in queues)
        deepest = max((each.messages for each in queues), default=0)
        yield Finding(DEPTH, "pass", f"{len(queues)} queues with {messages} messages, at most {deepest} in one")


def _members(queues: Sequence[Queue]) -> Iterator[Finding]:
    faults: dict[tuple[Result, str, str], list[Queue]] = {}
    for queue in queues:
        if (fault := _fault(queue)) is not None:
            faults.setdefault(fault, []).append(queue)
    for (result, details, way_out), chosen in faults.items():
        names = ", ".join(_named(each) for each in chosen[:MOST_NAMES])
        more = f" and {len(chosen) - MOST_NAMES} more" if len(chosen) > MOST_NAMES else ""
        number = "1 queue" if len(chosen) == 1 else f"{len(chosen)} queues"
        yield Finding(MEMBERS, result, f"{number} {details}: {names}{more}", way_out)
    if not faults:
        replicated = sum(1 for each in queues if each.members)
        yield Finding(
            MEMBERS, "pass", f"{len(queues)} queues are served; {replicated} have members, all of them online"
        )


def _fault(queue: Queue) -> tuple[Result, str, str] | None:
    """The worst that is to be said of one queue: the result, what it is, and the way out."""
    missing = sorted(set(queue.members) - set(queue.online))
    start = f"start {', '.join(missing)}"
    if queue.members and len(queue.online) <= len(queue.members) // 2:
        return "fail", f"with {len(queue.online)} of {len(queue.members)} members online, which is no majority", start
    if queue.members and not queue.node:
        return "fail", "without a leader", "rabbitmq-queues quorum_status QUEUE"
    if missing:
        return "warn", f"without the member on {', '.join(missing)}", start
    if queue.state in ("down", "stopped", "crashed", "minority"):
        way_out = f"start {queue.node}" if queue.node else "rabbitmqctl list_queues name state pid"
        return "fail", f"{queue.state}, as {queue.node or 'its node'} is", way_out
    return None


def _named(queue: Queue) -> str:
    return queue.name if queue.virtual_host in ("", "/") else f"{queue.virtual_host}/{queue.name}"
