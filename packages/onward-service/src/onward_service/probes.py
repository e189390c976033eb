"""Active probes: off unless they are declared, asked for by an authenticated caller only, and bounded.

One at a time in a worker, not again before its interval is over, and given up after its timeout. A worker whose probe
hangs begins no other: it loses one thread at the most.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from onward_service.collector import Collector
from onward_service.observation import Outcome
from onward_service.options import Options
from onward_service.plugins import UnknownPlugin


class Probes:
    """The declared probes of one worker."""

    def __init__(self, options: Options, collector: Collector) -> None:
        """Raises UnknownPlugin."""
        for name in options.probes:
            if name not in _PROBES:
                raise UnknownPlugin(f"probes: {name} is not known; there are {', '.join(_PROBES)}")
        self._options = options
        self._collector = collector
        self._running = threading.Semaphore(1)
        self._next = 0.0

    def run(self) -> bool:
        """Try what is declared. False where it was too early, or where another caller's is under way."""
        if not self._running.acquire(blocking=False):
            return False
        now = time.monotonic()
        if now < self._next:
            self._running.release()
            return False
        self._next = now + self._options.probe_interval_seconds
        done = threading.Event()
        threading.Thread(target=self._probe, args=(done,), daemon=True).start()
        if not done.wait(self._options.probe_seconds):
            for component in engines():
                self._collector.observe(component, Outcome.LOST, self._options.probe_seconds, "no answer to a probe")
        return True

    def _probe(self, done: threading.Event) -> None:
        try:
            for name in self._options.probes:
                _PROBES[name]()
        finally:
            done.set()
            self._running.release()


_ENGINES: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary()


def remember(component: str, engine: Any) -> None:
    """An engine that the service uses; probes use the same, with its own pool and credentials."""
    _ENGINES[component] = engine


def engines() -> list[str]:
    """The databases that have been used."""
    return list(_ENGINES)


def _sql() -> None:
    """A connection and a statement on every engine; the listeners hear what comes of it."""
    from sqlalchemy import text  # noqa: PLC0415 - only where the service has it

    for engine in list(_ENGINES.values()):
        try:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except Exception:  # noqa: S112 - it has been heard
            continue


_PROBES: dict[str, Callable[[], None]] = {"sql": _sql}
