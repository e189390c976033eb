"""memcached through pymemcache 3 and 4, and through python-memcached; dogpile.cache and oslo.cache use one of both."""

from __future__ import annotations

import functools
from time import perf_counter
from typing import Any

from onward_service.collector import Collector
from onward_service.observation import Outcome

_COMMANDS = ("get", "get_many", "gets", "gets_many", "set", "set_many", "add", "replace", "delete", "incr", "touch")


def listen_to_pymemcache(collector: Collector, module: Any) -> None:
    """Hear of every command, and of every connection that is not made."""
    client = module.Client
    connect = client._connect

    @functools.wraps(connect)
    def connected(self: Any) -> Any:
        began = perf_counter()
        try:
            return connect(self)
        except Exception as error:
            collector.observe(_server(self.server), Outcome.REFUSED, perf_counter() - began, type(error).__name__)
            raise

    client._connect = connected
    for name in _COMMANDS:
        setattr(client, name, _command(collector, getattr(client, name)))


def _command(collector: Collector, command: Any) -> Any:
    @functools.wraps(command)
    def called(self: Any, *args: Any, **arguments: Any) -> Any:
        began = perf_counter()
        had = self.sock is not None
        try:
            answer = command(self, *args, **arguments)
        except Exception as error:
            # Where there was no connection, it has been heard of already that none could be made.
            if had and (isinstance(error, OSError) or type(error).__name__ == "MemcacheUnexpectedCloseError"):
                collector.observe(_server(self.server), Outcome.LOST, perf_counter() - began, type(error).__name__)
            raise
        if self.sock is not None:
            collector.observe(_server(self.server), Outcome.ANSWERED, perf_counter() - began)
        elif had:  # It swallows errors where it is told to, and closes the connection.
            collector.observe(_server(self.server), Outcome.LOST, perf_counter() - began, "ignored")
        return answer

    return called


def listen_to_memcache(collector: Collector, module: Any) -> None:
    """Hear of every time that a server is chosen for a command, and of every time that one is given up.

    This library swallows every error, and tells itself in ``mark_dead``. How long a command takes it does not show.
    """
    host = module._Host
    connect, mark_dead = host.connect, host.mark_dead

    @functools.wraps(connect)
    def connected(self: Any) -> Any:
        began = perf_counter()
        answer = connect(self)
        if answer:
            collector.observe(_server(self.address), Outcome.ANSWERED, perf_counter() - began)
        return answer

    @functools.wraps(mark_dead)
    def marked(self: Any, reason: Any) -> Any:
        outcome = Outcome.LOST if self.socket else Outcome.REFUSED
        collector.observe(_server(self.address), outcome, 0.0, f"marked dead {_error(reason)}".strip())
        return mark_dead(self, reason)

    host.connect = connected
    host.mark_dead = marked


def _error(reason: Any) -> str:
    """The class of the error, of which the library keeps the words only."""
    words = str(reason).lower()
    if "refused" in words:
        return "ConnectionRefusedError"
    return "TimeoutError" if "timed out" in words else ""


def _server(address: Any) -> str:
    if isinstance(address, (tuple, list)):
        return f"cache:{address[0]}:{address[1]}"
    return f"cache:{address}"
