"""What RabbitMQ's management API shows of a cluster. Only GET.

Every URL is asked by itself. What a node knows by itself it answers at once; what it has to ask its peers for
(``/api/nodes``, ``/api/queues``, ``/api/feature-flags``) it does not answer as long as a peer hangs, until the Erlang
runtime gives that peer up (net_ticktime, 60 s). ``disable_stats`` has an overview answered without them, since 3.9
(rabbitmq_management, rabbit_mgmt_wm_overview.erl).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from onward.model.broker import BrokerNode, BrokerObservation, ManagementAnswer, Outcome, Queue
from onward.observe.broker_login import observe_login
from onward.observe.transport_url import BrokerHost

CONNECT_SECONDS = 3.0
OWN_SECONDS = 5.0
"""For what a node knows by itself; a healthy one takes milliseconds."""
PEERS_SECONDS = 6.0
"""For what it asks its peers for. With a peer that hangs, all questions together take less than half a minute."""
_QUEUE_COLUMNS = "name,vhost,type,state,messages,messages_details.rate,consumers,node,leader,members,online"
_PARALLEL = 16

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class ManagementAccess:
    """How the management API is asked."""

    urls: tuple[str, ...]
    users: tuple[tuple[str, str], ...] = field(repr=False)
    """Users and their passwords; the first that is accepted is taken."""
    verify: bool | str = True
    """Whether certificates are verified, or the file with the authorities that are trusted."""


class _NoAnswer(Exception):
    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


def observe_broker(access: ManagementAccess, logins: Mapping[BrokerHost, Iterable[str]]) -> BrokerObservation:
    """Look at the cluster through all URLs at once, and try the services' credentials. Raises nothing.

    ``logins`` are the services' names by server and credentials.
    """
    with ThreadPoolExecutor(_PARALLEL) as pool:
        trying = pool.map(lambda each: observe_login(each[0], tuple(each[1])), logins.items())
        asked = list(pool.map(lambda url: _answer(url, access), access.urls))
        tried = tuple(trying)
    user, answering = "", list[tuple[ManagementAnswer, str, tuple[str, str]]]()
    for url, (answer, accepted) in zip(access.urls, asked, strict=True):
        if accepted is not None:
            user = user or accepted[0]
            answering.append((answer, url, accepted))
    # A node that could describe its peers is likelier to be able to list what is on them.
    answering.sort(key=lambda each: bool(each[0].nodes_reason))
    with ThreadPoolExecutor(_PARALLEL) as pool:
        listing = pool.submit(_first, answering, access, _queues)
        flags, flags_reason = _first(answering, access, _flags)
        queues, queues_reason = listing.result()
    return BrokerObservation(
        logins=tried,
        management=tuple(answer for answer, _ in asked),
        user=user or next((name for name, _ in access.users), ""),
        queues=queues,
        queues_reason=queues_reason,
        flags=flags,
        flags_reason=flags_reason,
    )


def _answer(url: str, access: ManagementAccess) -> tuple[ManagementAnswer, tuple[str, str] | None]:
    """What one URL says, and the user that it accepted."""
    nothing = ManagementAnswer(_address(url), "answered")
    accepted = None
    try:
        accepted = _accepted(url, access)
        overview = _get(url, "overview?disable_stats=true", accepted, access, OWN_SECONDS)
        about = replace(
            nothing,
            node=str(overview.get("node", "")),
            release=str(overview.get("rabbitmq_version", "")),
            erlang=str(overview.get("erlang_version", "")),
        )
    except _NoAnswer as error:
        return replace(nothing, outcome=error.outcome, reason=error.reason), accepted
    alarms = _alarms(url, accepted, access)
    try:
        nodes = tuple(_node(each) for each in _get(url, "nodes", accepted, access, PEERS_SECONDS))
        return replace(about, nodes=nodes, alarms=alarms), accepted
    except _NoAnswer as error:
        return replace(about, nodes_reason=error.reason, alarms=alarms), accepted


def _accepted(url: str, access: ManagementAccess) -> tuple[str, str]:
    """The first user that is accepted. Raises _NoAnswer."""
    refused = _NoAnswer("refused", "no user is known to ask it with")
    for user in access.users:
        try:
            _get(url, "whoami", user, access, OWN_SECONDS)
            return user
        except _NoAnswer as error:
            if error.outcome != "refused":
                raise
            refused = error
    raise refused


def _alarms(url: str, user: tuple[str, str], access: ManagementAccess) -> tuple[str, ...] | None:
    """What is in alarm in the cluster; None where the node does not say. It knows this without asking its peers."""
    try:
        said = _get(url, "health/checks/alarms", user, access, OWN_SECONDS, also=503)
        alarms = tuple(f"{each['resource']} of {each['node']}" for each in said.get("alarms", ()))
    except (_NoAnswer, KeyError, TypeError, AttributeError):
        return None
    return alarms if alarms or said.get("status") == "ok" else None


def _get(
    url: str, question: str, user: tuple[str, str], access: ManagementAccess, seconds: float, also: int = 200
) -> Any:
    """The JSON that is answered. Raises _NoAnswer."""
    try:
        answer = requests.get(
            f"{url}/api/{question}",
            auth=user,
            timeout=(CONNECT_SECONDS, seconds),
            verify=access.verify,
            allow_redirects=False,
        )
        if answer.status_code in (401, 403):
            raise _NoAnswer("refused", f"user {user[0]}: {_why(answer)}")
        if answer.status_code not in (200, also):
            raise _NoAnswer("not understood", f"HTTP {answer.status_code} to /api/{question.partition('?')[0]}")
        return answer.json()
    except requests.ReadTimeout:
        what = question.partition("?")[0]
        raise _NoAnswer("silent", f"it did not answer /api/{what} within {seconds:g} s") from None
    except requests.ConnectTimeout:
        raise _NoAnswer("unreachable", f"no connection within {CONNECT_SECONDS:g} s") from None
    except requests.exceptions.SSLError as error:
        raise _NoAnswer("not understood", f"TLS: {_system_words(error)}") from None
    except requests.ConnectionError as error:
        raise _NoAnswer("unreachable", _system_words(error)) from None
    except (requests.RequestException, ValueError) as error:
        raise _NoAnswer("not understood", f"its answer is no JSON ({type(error).__name__})") from None


def _why(answer: requests.Response) -> str:
    try:
        return str(answer.json().get("reason") or "refused")
    except (ValueError, AttributeError):
        return f"HTTP {answer.status_code}"


def _system_words(error: Exception) -> str:
    """What the system says, without the layers of libraries that it went through."""
    text = str(error)
    found = re.search(r"\[(?:Errno -?\d+|SSL[^]]*)\] ([^'\")]+)", text)
    return found[1].strip() if found else re.sub(r".*Connection aborted\.', ", "", text)[:200]


def _node(data: Mapping[str, Any]) -> BrokerNode:
    """One entry of ``/api/nodes``. Numbers are missing of a node that is down, and 0 where a release has no limit."""
    running = bool(data.get("running"))
    limits = (("file descriptors", "fd"), ("sockets", "sockets"), ("Erlang processes", "proc"))
    return BrokerNode(
        name=str(data.get("name", "")),
        running=running,
        partitions=tuple(str(each) for each in data.get("partitions") or ()),
        drained=bool(data.get("being_drained")),
        memory_alarm=running and bool(data.get("mem_alarm")),
        memory_used=_number(data.get("mem_used")),
        memory_limit=_number(data.get("mem_limit")),
        disk_alarm=running and bool(data.get("disk_free_alarm")),
        disk_free=_number(data.get("disk_free")),
        disk_limit=_number(data.get("disk_free_limit")),
        used=tuple(
            (name, _number(data.get(f"{key}_used")), total)
            for name, key in limits
            if running and (total := _number(data.get(f"{key}_total")))
        ),
    )


def _queues(url: str, user: tuple[str, str], access: ManagementAccess) -> tuple[Queue, ...]:
    listed = _get(url, f"queues?columns={_QUEUE_COLUMNS}", user, access, PEERS_SECONDS)
    return tuple(_queue(each) for each in listed)


def _queue(data: Mapping[str, Any]) -> Queue:
    growth = (data.get("messages_details") or {}).get("rate")
    return Queue(
        name=str(data.get("name", "")),
        virtual_host=str(data.get("vhost", "")),
        kind=str(data.get("type", "classic")),
        state=str(data.get("state", "")),
        messages=_number(data.get("messages")),
        consumers=_number(data.get("consumers")),
        growth=float(growth) if isinstance(growth, int | float) else 0.0,
        node=_node_name(data.get("leader") or data.get("node")),
        members=tuple(str(each) for each in data.get("members") or ()),
        online=tuple(str(each) for each in data.get("online") or ()),
    )


def _flags(url: str, user: tuple[str, str], access: ManagementAccess) -> dict[str, bool]:
    listed = _get(url, "feature-flags", user, access, PEERS_SECONDS)
    return {
        str(each["name"]): each.get("state") == "enabled"
        for each in listed
        if each.get("stability") in ("stable", "required")
    }


def _first(
    answering: Sequence[tuple[ManagementAnswer, str, tuple[str, str]]],
    access: ManagementAccess,
    look: Callable[[str, tuple[str, str], ManagementAccess], Answer],
) -> tuple[Answer | None, str]:
    """What the first node says that does, and why not if none does.

    That it waits for its peers, and that the user may not ask, is the same with all others.
    """
    reasons = []
    for answer, url, user in answering:
        try:
            return look(url, user, access), ""
        except _NoAnswer as error:
            reasons.append(f"{answer.address}: {error.reason}")
            if error.outcome in ("silent", "refused"):
                break
    return None, "; ".join(reasons) or "no URL of the management API answers"


def _number(value: object) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _node_name(value: object) -> str:
    """Empty where the broker writes that it knows none."""
    return "" if value in (None, "none", "undefined") else str(value)


def _address(url: str) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
