"""Looks at a cloud that cost something, shared by all who ask at about the same time."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

MOST_KEPT = 100

Seen = TypeVar("Seen")


@dataclass
class _Look:
    lock: threading.Lock = field(default_factory=threading.Lock)
    at: float = float("-inf")
    seen: Any = None
    beside: bool = False
    """Somebody looks while nobody waits for it."""


class Looks:
    """What was seen last, by what was looked at."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._looks: dict[object, _Look] = {}

    def seen(self, key: object, seconds: float, look: Callable[[], Seen]) -> Seen:
        """What there is to see: what was seen less than so many seconds ago, or a look that nobody else takes now."""
        with self._lock:
            if len(self._looks) >= MOST_KEPT and key not in self._looks:
                self._looks.clear()
            kept = self._looks.setdefault(key, _Look())
        asked = self._clock()
        with kept.lock:
            if kept.at < asked - seconds:
                kept.seen, kept.at = look(), self._clock()
            found: Seen = kept.seen
            return found

    def latest(self, key: object, seconds: float, look: Callable[[], Seen]) -> Seen | None:
        """What was seen last, at once; None where nothing was. Where it is older than that, a look is taken beside."""
        with self._lock:
            kept = self._looks.setdefault(key, _Look())
            stale = kept.at < self._clock() - seconds and not kept.beside
            kept.beside = kept.beside or stale
        if stale:
            threading.Thread(target=self._look_beside, args=(key, seconds, look, kept), daemon=True).start()
        found: Seen | None = kept.seen
        return found

    def _look_beside(self, key: object, seconds: float, look: Callable[[], Any], kept: _Look) -> None:
        try:
            self.seen(key, seconds, look)
        finally:
            kept.beside = False
