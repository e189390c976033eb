"""Tells a collector what this worker's unit knows, at the end of a call: one datagram, never waited for.

At most once a second, and at once when something changed. Where nobody listens, nothing is tried for some seconds.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import time
from pathlib import Path
from typing import Callable, Union

from onward_service.options import OptionInvalid

LONGEST = 60_000
"""Bytes of a datagram: what UDP can carry, and more than a unit's 32 components take."""
_EVERY_SECONDS = 1.0
_AGAIN_SECONDS = 5.0
_SHORTEST_KEY = 16
Place = Union[str, "tuple[str, int]"]


class Pusher:
    """Sends what ``said`` returns to a place."""

    def __init__(self, place: str, unit: str, key_file: str, said: Callable[[], bytes]) -> None:
        """``unix:PATH``, or ``udp:ADDRESS:PORT``, for which there has to be a key. Raises OptionInvalid."""
        family, self._place = _place(place)
        if not unit:
            raise OptionInvalid("push_unit: missing; whose health is it that is pushed?")
        self._key = _key(key_file) if family == socket.AF_INET else b""
        self._unit = unit.encode()
        self._said = said
        self._socket = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        self._next = 0.0
        self._changes = -1

    def tell(self, changes: int) -> None:
        """Send it where it is time to. ``changes`` differs from that of the last call where something changed.

        Never raises.
        """
        now = time.monotonic()
        if now < self._next and changes == self._changes:
            return
        self._changes = changes
        self._next = now + _EVERY_SECONDS
        try:
            self._socket.sendto(signed(self._unit, self._said(), self._key), self._place)
        except OSError:
            self._next = now + _AGAIN_SECONDS


def signed(unit: bytes, body: bytes, key: bytes) -> bytes:
    """A datagram: the unit's name, the SHA-256 of both with the key (empty without one), and what is told."""
    seal = hmac.new(key, unit + b"\n" + body, hashlib.sha256).hexdigest().encode() if key else b""
    return b"onward-health-1 " + unit + b" " + seal + b"\n" + body


def _place(text: str) -> tuple[socket.AddressFamily, Place]:
    kind, _, rest = text.partition(":")
    if kind == "unix" and rest.startswith("/"):
        return socket.AF_UNIX, rest
    address, _, port = rest.rpartition(":")
    if kind == "udp" and address and port.isdigit() and 0 < int(port) < 65536:
        return socket.AF_INET, (address, int(port))
    raise OptionInvalid(f"push_to = {text}: unix:/PATH or udp:ADDRESS:PORT is expected")


def _key(file: str) -> bytes:
    if not file:
        raise OptionInvalid("push_key_file: missing; over UDP anybody could push otherwise")
    try:
        key = Path(file).read_bytes().strip()
    except OSError as error:
        raise OptionInvalid(f"push_key_file = {file}: {error.strerror}") from None
    if len(key) < _SHORTEST_KEY:
        raise OptionInvalid(f"push_key_file = {file}: at least {_SHORTEST_KEY} bytes are expected")
    return key
