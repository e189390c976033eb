"""What was seen of a server of memcached, by ``observe/memcached.py``, for ``checks`` to judge."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["answered", "unreachable", "silent", "full", "not understood", "not asked"]
"""``silent``: the connection was accepted, perhaps by the kernel alone, and no answer came in time. ``full``: it has no
connection left."""


@dataclass(frozen=True)
class MemcachedAnswer:
    """One server, and what it says of itself since it was started. Sizes in bytes."""

    address: str
    services: tuple[str, ...]
    """Whose configuration names it; empty where only the cloud file does."""
    seconds: float
    """How long an answer was waited for: what the services wait."""
    outcome: Outcome
    reason: str = ""
    release: str = ""
    connections: int = 0
    most_connections: int = 0
    """As many as clients can have: it keeps some of those that it is allowed for itself."""
    refused_connections: int = 0
    """Since it was started, because it had none left."""
    used: int = 0
    limit: int = 0
    stored: int = 0
    """Items that were ever stored."""
    evicted: int = 0
    """Items that were thrown out before their time, for want of room."""
    evicted_unread: int = 0
    """Those of them that nobody had read yet."""
