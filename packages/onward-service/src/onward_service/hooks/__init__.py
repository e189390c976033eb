"""Where a service's own libraries are listened to. Each module here is for one of them.

Nothing is imported for it: what a process has not imported it does not use. What it imports later is found later.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from onward_service.collector import Collector
from onward_service.hooks import cache, messaging, neighbours, sql

_LOOK_SECONDS = 5.0

# The module that has to be imported, and what listens to it.
_LISTENERS: dict[str, Callable[[Collector, Any], None]] = {
    "sqlalchemy.engine": sql.listen,
    "oslo_messaging.transport": messaging.listen_to_transport,
    "amqp.connection": messaging.listen_to_connections,
    "pymemcache.client.base": cache.listen_to_pymemcache,
    "memcache": cache.listen_to_memcache,
    "keystoneauth1.session": neighbours.listen,
}


class Listening:
    """The listeners of one process: what is listened to, and what may still be imported."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self._missing = dict(_LISTENERS)
        self._next = 0.0
        self.heard: list[str] = []
        """Modules that are listened to."""
        self.deaf: list[str] = []
        """Modules that are there, and could not be listened to: they are of another shape than is known here."""

    def look(self) -> None:
        """Listen to what has been imported since; looks every few seconds at the most. Never raises."""
        if not self._missing:
            return
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _LOOK_SECONDS
        for name in [name for name in self._missing if name in sys.modules]:
            listen = self._missing.pop(name, None)
            if listen is None:
                continue
            try:
                listen(self._collector, sys.modules[name])
            except Exception:
                self.deaf.append(name)
            else:
                self.heard.append(name)
