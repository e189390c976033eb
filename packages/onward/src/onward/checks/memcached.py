"""What is to be said of servers of memcached. Pure."""

from collections.abc import Iterator, Sequence

from onward.checks.finding import Finding, Result, unclear
from onward.model.memcached import MemcachedAnswer

ANSWERS = "memcached"
EVICTIONS = "memcached evictions"
CONNECTIONS = "memcached connections"

EVICTED_SHARE = 0.05
"""Of all that was stored. A cache may throw out what is old; where it is one of twenty, tokens and revocations leave it
before their time, and services ask the identity API and the databases again."""
FULL_SHARE = 0.80
"""Of the memory. Evictions are of now, not of some night long ago, only where memory is still short."""
NEAR = 0.80
"""Of the connections: half as many again, as after another server's end, no longer fit in."""

_MORE_CONNECTIONS = (
    "more connections (-c in /etc/memcached.conf, then systemctl restart memcached), or pools in the services"
)


def memcached_findings(answers: Sequence[MemcachedAnswer]) -> Iterator[Finding]:
    """Whether each server answers in time, has room, and has connections left."""
    for answer in answers:
        if answer.outcome == "answered":
            details = f"memcached {answer.release} answered within {answer.seconds:g} s"
            yield Finding(ANSWERS, "pass", details, about=answer.address)
            yield _evictions(answer)
            yield _connections(answer)
        else:
            yield _no_answer(answer)


def _no_answer(answer: MemcachedAnswer) -> Finding:
    used = f"; used by {', '.join(answer.services)}" if answer.services else ""
    if answer.outcome == "not asked":
        return unclear(ANSWERS, answer.reason, "memcstat on that host, with the password", answer.address)
    words = {
        "unreachable": "no connection",
        "silent": "accepts connections and says nothing, so that every request of a service waits for it",
        "full": "has no connection left",
    }
    what = words.get(answer.outcome, "does not speak memcached's protocol")
    way_out = "on that host: systemctl restart memcached; it is a cache, nothing is lost"
    if answer.outcome == "full":
        way_out = _MORE_CONNECTIONS
    return Finding(ANSWERS, "fail", f"{what}: {answer.reason}{used}", way_out, answer.address)


def _evictions(answer: MemcachedAnswer) -> Finding:
    share = answer.evicted / answer.stored if answer.stored else 0.0
    full = answer.used / answer.limit if answer.limit else 0.0
    room = f"{_mebibytes(answer.used)} of {_mebibytes(answer.limit)} MiB used"
    details = f"{answer.evicted} of {answer.stored} items were thrown out for want of room; {room}"
    if share < EVICTED_SHARE or full < FULL_SHARE:
        return Finding(EVICTIONS, "pass", details, about=answer.address)
    unread = f"; {answer.evicted_unread} of them before anybody had read them" if answer.evicted_unread else ""
    way_out = "more memory (-m in /etc/memcached.conf), then: systemctl restart memcached"
    return Finding(EVICTIONS, "warn", details + unread, way_out, answer.address)


def _connections(answer: MemcachedAnswer) -> Finding:
    most = answer.most_connections
    details = f"{answer.connections} of {most} connections are used"
    result: Result = "pass"
    if most and answer.connections >= most:
        result, details = "fail", f"{details}: it takes no new ones"
    elif most and answer.connections / most >= NEAR:
        result = "warn"
    if answer.refused_connections:
        details += f"; since it was started it had none left {answer.refused_connections} times"
        result = "warn" if result == "pass" else result
    way_out = "" if result == "pass" else _MORE_CONNECTIONS
    return Finding(CONNECTIONS, result, details, way_out, answer.address)


def _mebibytes(number: int) -> str:
    return f"{number / (1 << 20):.1f}"
