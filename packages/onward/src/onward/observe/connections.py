"""TCP connections of this machine's processes, as the kernel has them: what is sent and not acknowledged, not read."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

ASK_SECONDS = 5.0
ASKED = ("-tionpHO", "state", "connected", "state", "listening")
FIRST_TRY_SECONDS, FIRST_GREETING_SECONDS = 0.2, 1.0
"""After which the kernel sends once more, and each time after twice as long: TCP_RTO_MIN and TCP_TIMEOUT_INIT of
Linux's include/net/tcp.h."""
_TRIED_AGAIN = re.compile(r"timer:\(on,[^,]+,(\d+)\)")
_RECEIVED = re.compile(r"bytes_received:(\d+)")
_PIDS = re.compile(r"pid=(\d+),")


@dataclass(frozen=True)
class Connection:
    """One end of it."""

    state: str
    """ESTAB, SYN-SENT, LISTEN, as ss(8) calls them."""
    local: str
    other: str
    """``ADDRESS:PORT``"""
    unread: int
    """Bytes that have come and that its process has not read; of one who listens, callers whom it has not accepted."""
    unsent: int
    """Bytes that the other end has not acknowledged."""
    tried_again: int
    """How often the kernel has sent the same once more, and had no answer."""
    received: int
    """Bytes that have ever come."""
    pids: frozenset[int]
    """Nothing: no process has accepted it yet."""

    @property
    def waited_seconds(self) -> float:
        """For how long at least nothing has come back to what was sent: each try waits twice as long as the last."""
        first = FIRST_GREETING_SECONDS if self.state == "SYN-SENT" else FIRST_TRY_SECONDS
        return first * float(2**self.tried_again - 1)


def connections() -> tuple[Connection, ...]:
    """Those of this machine, and who listens for them; nothing where iproute2 is missing."""
    try:
        told = subprocess.run(
            ["ss", *ASKED], timeout=ASK_SECONDS, check=False, capture_output=True, encoding="utf-8", errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(read_connections(told.stdout))


def read_connections(text: str) -> Iterator[Connection]:
    """What ss(8) of iproute2 says when it is asked so: a line for each."""
    for line in text.splitlines():
        words = line.split(maxsplit=5)
        if len(words) >= 5 and words[1].isdecimal() and words[2].isdecimal():
            more = words[5] if len(words) > 5 else ""
            yield Connection(
                state=words[0],
                local=words[3],
                other=words[4],
                unread=int(words[1]),
                unsent=int(words[2]),
                tried_again=_number(_TRIED_AGAIN, more),
                received=_number(_RECEIVED, more),
                pids=frozenset(int(each) for each in _PIDS.findall(more)),
            )


def _number(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    return int(found[1]) if found else 0
