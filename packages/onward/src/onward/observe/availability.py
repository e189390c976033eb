"""Calls APIs again and again, as their users do, while something happens to them."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread

from onward.model.availability import Availability, Call, availability

EVERY_SECONDS = 0.25
"""A caller begins a call so often, unless the one before still waits."""
Caller = Callable[[], None]
"""Makes one call; raises an exception when it is not answered as it should be. It has to have a timeout."""


class Watch:
    """Callers at work, one thread for each API."""

    def __init__(self, callers: Mapping[str, Caller]) -> None:
        self._over = Event()
        self._calls: dict[str, list[Call]] = {name: [] for name in callers}
        self._threads = [Thread(target=self._call, args=each, daemon=True) for each in callers.items()]
        for thread in self._threads:
            thread.start()

    def _call(self, name: str, caller: Caller) -> None:
        while not self._over.is_set():
            begin, failed = time.monotonic(), ""
            try:
                caller()
            except Exception as error:
                # Whatever it is that went wrong, it is what a user would have seen.
                failed = f"{type(error).__name__}: {error}"[:300]
            end = time.monotonic()
            self._calls[name].append(Call(begin, end, failed))
            self._over.wait(max(0.0, EVERY_SECONDS - (end - begin)))

    def last_good(self, name: str) -> float | None:
        """When the last call that was answered as it should be had begun."""
        return next((call.begin for call in reversed(self._calls[name]) if not call.failed), None)

    def last_failure(self, name: str) -> str:
        """Why the last call failed that did; empty where none has."""
        return next((call.failed for call in reversed(self._calls[name]) if call.failed), "")

    def names(self) -> tuple[str, ...]:
        """The APIs that are called."""
        return tuple(self._calls)

    def finish(self) -> dict[str, Availability]:
        """End all callers; what each API was like."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        until = time.monotonic()
        return {name: availability(calls, until) for name, calls in self._calls.items()}


@contextmanager
def watching(callers: Mapping[str, Caller]) -> Iterator[Watch]:
    """Have the callers at work for as long as the block runs."""
    watch = Watch(callers)
    try:
        yield watch
    finally:
        watch.finish()
