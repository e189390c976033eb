"""Pings from one network namespace to another until it is told to end; what came back stands in a file.

Run by ``hosts/data_plane.py`` as ``unshare --net python ping_program.py REPORT``: it is in a namespace of its own then,
makes another one, and joins the two. Both are gone when it has ended, whoever ended it. The kernel answers, so that
nothing is measured of this process: when it is not run for a while, it asks less, and nothing counts as lost.

Needs nothing but the standard library, ip, nsenter and unshare, and has to be root.
"""

import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

EVERY_SECONDS = 0.05
ANSWER_SECONDS = 1.0
"""Between two namespaces an answer takes some ten microseconds."""
REPORT_SECONDS = 0.5
HERE, THERE = "192.0.2.1", "192.0.2.2"
"""Addresses for documentation (RFC 5737): nobody else has them, and nobody outside these namespaces sees them."""
_REQUEST, _REPLY = 8, 0
_IP_HEADER_UNIT = 4


def join(holder: int) -> None:
    """Join this namespace with that of another process, and give each end an address."""

    def run(*words: str) -> None:
        subprocess.run(words, check=True, stdout=sys.stderr)

    there = ("nsenter", f"--net=/proc/{holder}/ns/net")
    run("ip", "link", "add", "onward0", "type", "veth", "peer", "name", "onward1", "netns", str(holder))
    run("ip", "address", "add", f"{HERE}/30", "dev", "onward0")
    run("ip", "link", "set", "onward0", "up")
    run(*there, "ip", "address", "add", f"{THERE}/30", "dev", "onward1")
    run(*there, "ip", "link", "set", "onward1", "up")


def wait_for_namespace(holder: int) -> None:
    """Return when the process is in a namespace of its own."""
    own = os.readlink("/proc/self/ns/net")
    deadline = time.monotonic() + 10
    while os.readlink(f"/proc/{holder}/ns/net") == own:
        if time.monotonic() > deadline:
            sys.exit("no namespace was made")
        time.sleep(0.01)


def packet(number: int) -> bytes:
    """An echo request (RFC 792)."""
    body = struct.pack("!BBHHH", _REQUEST, 0, 0, os.getpid() & 0xFFFF, number & 0xFFFF)
    total = sum(struct.unpack(f"!{len(body) // 2}H", body))
    total = (total >> 16) + (total & 0xFFFF)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return struct.pack("!BBHHH", _REQUEST, 0, checksum, os.getpid() & 0xFFFF, number & 0xFFFF)


def number_in(data: bytes) -> int | None:
    """The number of the request that a packet answers; None for any other packet."""
    length = (data[0] & 0x0F) * _IP_HEADER_UNIT
    kind, _, _, sender, number = struct.unpack("!BBHHH", data[length : length + 8])
    return int(number) if (kind, sender) == (_REPLY, os.getpid() & 0xFFFF) else None


class Pings:
    """What was sent and what came back."""

    def __init__(self) -> None:
        self.sent = self.answered = 0
        self.longest = 0.0
        self._waiting: dict[int, float] = {}
        self._gone_since: float | None = None

    def send(self, connection: socket.socket, now: float) -> None:
        """Send the next one."""
        self._waiting[self.sent & 0xFFFF] = now
        self.sent += 1
        with suppress(OSError):  # Where there is no way to it, it gets no answer.
            connection.sendto(packet(self.sent - 1), (THERE, 0))

    def came(self, number: int) -> None:
        """One was answered: it was gone from the first one before it that was not."""
        began = self._waiting.pop(number, None)
        if began is not None:
            self.answered += 1
            if self._gone_since is not None and began > self._gone_since:
                self.longest = max(self.longest, began - self._gone_since)
                self._gone_since = None

    def give_up(self, now: float) -> None:
        """Those that were not answered in time are lost."""
        for number, began in list(self._waiting.items()):
            if now - began > ANSWER_SECONDS:
                del self._waiting[number]
                self._gone_since = began if self._gone_since is None else min(began, self._gone_since)
        if self._gone_since is not None:
            self.longest = max(self.longest, now - ANSWER_SECONDS - self._gone_since)

    def report(self, path: str) -> None:
        """Write what is known, whole."""
        lost = self.sent - self.answered - len(self._waiting)
        told = {"sent": self.sent - len(self._waiting), "lost": lost, "longest_seconds": round(self.longest, 3)}
        Path(f"{path}.partial").write_text(json.dumps(told), encoding="utf-8")
        os.replace(f"{path}.partial", path)


def main() -> None:
    """Ping until SIGTERM."""
    over: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: over.append(True))
    holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
    wait_for_namespace(holder.pid)
    join(holder.pid)
    connection = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    pings, next_ping, next_report = Pings(), 0.0, 0.0
    while not over:
        now = time.monotonic()
        if now >= next_ping:
            pings.send(connection, now)
            next_ping = now + EVERY_SECONDS
        receive(connection, pings, next_ping)
        pings.give_up(time.monotonic())
        if now >= next_report:
            pings.report(sys.argv[1])
            next_report = now + REPORT_SECONDS
    receive(connection, pings, time.monotonic() + EVERY_SECONDS)
    pings.report(sys.argv[1])
    holder.communicate()


def receive(connection: socket.socket, pings: Pings, until: float) -> None:
    """Take what comes, and at least what is there already."""
    while True:
        ready, _, _ = select.select([connection], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return
        number = number_in(connection.recv(1024))
        if number is not None:
            pings.came(number)


if __name__ == "__main__":
    main()
