"""Where units push what they know of their health: datagrams of ``onward_service.push``, never answered."""

import hashlib
import hmac
import json
import os
import select
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST = 60_000
"""Bytes; what is longer is cut off by the kernel and then is no JSON."""
MOST_AT_ONCE = 2_000
"""Datagrams that are read before something else is done: a flood does not keep the collector from its work."""
BUFFER = 8 * 1024 * 1024
_MAGIC = b"onward-health-1"
_APART_SECONDS = 60.0


@dataclass(frozen=True)
class Datagram:
    """What one unit told."""

    unit: str
    told: Any
    """An answer of onward-service."""


class DatagramRefused(ValueError):
    """A datagram that nobody of this model has sent, or that says nothing."""


def opened(datagram: bytes, key: bytes) -> Datagram:
    """What it says. With a key it has to be sealed with that, and to be of this minute. Raises DatagramRefused."""
    head, newline, body = datagram.partition(b"\n")
    words = head.split(b" ")
    if not newline or len(words) != 3 or words[0] != _MAGIC or len(datagram) > LONGEST:
        raise DatagramRefused("no datagram of onward-service")
    if key:
        seal = hmac.new(key, words[1] + b"\n" + body, hashlib.sha256).hexdigest().encode()
        if not hmac.compare_digest(seal, words[2]):
            raise DatagramRefused("sealed with another key")
    try:
        told = json.loads(body)
        unit = words[1].decode("ascii")
    except (ValueError, RecursionError) as error:
        raise DatagramRefused(type(error).__name__) from None
    if not isinstance(told, dict):
        raise DatagramRefused("no answer of onward-service")
    return Datagram(unit, told)


class Receiver:
    """Listens at a socket of this machine, and at an address where one is given. Used by one thread."""

    def __init__(self, path: Path, address: tuple[str, int] | None = None, key: bytes = b"") -> None:
        """Raises OSError. ``key``: what units of other machines seal with."""
        self.path = path
        self.refused = 0
        self._key = key
        with suppress(FileNotFoundError):
            path.unlink()
        own = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        before = os.umask(0o177)
        try:
            own.bind(str(path))
        finally:
            os.umask(before)
        self._sockets = [own]
        if address is not None:
            other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            other.bind(address)
            self._sockets.append(other)
        for each in self._sockets:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)

    def received(self, seconds: float) -> Iterator[Datagram]:
        """What comes in for so long, as it comes. What is no datagram of a unit is counted and left out."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select(self._sockets, [], [], left)
            for each in ready:
                yield from self._of(each)

    def _of(self, ready: socket.socket) -> Iterator[Datagram]:
        sealed = ready.family == socket.AF_INET
        for _ in range(MOST_AT_ONCE):
            try:
                content = ready.recv(LONGEST + 1)
            except OSError:
                return
            try:
                yield opened(content, self._key if sealed else b"")
            except DatagramRefused:
                self.refused += 1

    def close(self) -> None:
        """Listen no more."""
        for each in self._sockets:
            each.close()
        self.path.unlink(missing_ok=True)
