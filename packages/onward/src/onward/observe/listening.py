"""Whether something serves: asked once, with a short timeout."""

import socket
import sys
from pathlib import Path
from urllib.parse import quote

import psutil
import requests

from onward.model.deployment import QueueProbe, ReadyProbe

ANSWER_SECONDS = 5.0


def answers(probe: ReadyProbe | QueueProbe, password: str) -> bool:
    """Whether it accepts a connection and, where there is a path, answers with one of the statuses.

    For what takes calls from the broker: whether its queue has a consumer. ``password`` is its administrator's.
    """
    if isinstance(probe, QueueProbe):
        return has_consumer(probe, password)
    if probe.path is None:
        return accepts(probe.address, probe.port)
    try:
        answer = requests.get(
            f"http://{probe.address}:{probe.port}{probe.path}", timeout=ANSWER_SECONDS, allow_redirects=False
        )
    except requests.RequestException:
        return False
    return answer.status_code in probe.statuses


def has_consumer(probe: QueueProbe, password: str) -> bool:
    """Whether somebody takes calls from the queue, as the first of the broker's nodes that answers has it.

    https://www.rabbitmq.com/docs/3.10/management: a queue that there is not is a 404. Its figures are some seconds old;
    the list of consumers is not.
    """
    for address in probe.addresses:
        url = f"http://{address}:{probe.port}/api/consumers/{quote(probe.vhost, safe='')}"
        try:
            answer = requests.get(url, auth=("onward", password), timeout=ANSWER_SECONDS)
            if answer.ok:
                return any(each["queue"]["name"] == probe.queue for each in answer.json())
        except (requests.RequestException, ValueError, KeyError, TypeError):
            continue
    return False


def listening() -> frozenset[tuple[str, int]]:
    """Addresses and ports where somebody on this machine listens for TCP connections.

    Read from the kernel: a connection could be taken for one that somebody waits for.
    """
    return frozenset(
        (str(each.laddr[0]), int(each.laddr[1]))
        for each in psutil.net_connections(kind="tcp")
        if each.laddr and each.status == psutil.CONN_LISTEN
    )


def taken(address: str, port: int, found: frozenset[tuple[str, int]]) -> bool:
    """Whether somebody among those who listen has this port of the address, or of all addresses."""
    return any((each, port) in found for each in (address, "0.0.0.0", "::"))  # noqa: S104 - what others listen on


def calls_being_answered(address: str, port: int) -> int:
    """Connections to this port of an IPv4 address that a process there has accepted and not closed.

    Read from the kernel; the columns and states of /proc/net/tcp are those of Linux's net/ipv4/tcp_ipv4.c and
    include/net/tcp_states.h. What nobody has accepted yet has no inode.
    """
    wanted = f"{int.from_bytes(socket.inet_aton(address), sys.byteorder):08X}:{port:04X}"
    rows = (line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:])
    return sum(1 for row in rows if row[1] == wanted and row[3] in _WAITED_FOR and row[9] != "0")


_WAITED_FOR = ("01", "08")
"""TCP_ESTABLISHED, and TCP_CLOSE_WAIT: a caller who has said all and may read the answer yet."""


def accepts(address: str, port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((address, port), timeout=ANSWER_SECONDS).close()
    except OSError:
        return False
    return True


def greets(where: str, word: str) -> bool:
    """Whether the server at ADDRESS:PORT says this word as soon as somebody connects."""
    address, _, port = where.rpartition(":")
    try:
        with socket.create_connection((address, int(port)), timeout=ANSWER_SECONDS) as connection:
            return word.encode() in connection.recv(512)
    except OSError:
        return False


def status_of(url: str) -> int | str:
    """The HTTP status of an address, or in words why there is none."""
    try:
        return requests.get(url, timeout=ANSWER_SECONDS, allow_redirects=False).status_code
    except requests.RequestException as error:
        return f"{type(error).__name__}: {error}"
