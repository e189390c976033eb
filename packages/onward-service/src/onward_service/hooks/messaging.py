"""oslo.messaging 14 to 18, and the connections that it has to RabbitMQ.

A call that nobody answers is the neighbour's failure and not the broker's: the broker took the message.
"""

from __future__ import annotations

import functools
from time import perf_counter
from typing import Any

from onward_service.collector import Collector
from onward_service.observation import Outcome


def listen_to_transport(collector: Collector, module: Any) -> None:
    """Hear of every message that is sent, and of every call's answer."""
    transport = module.Transport
    send = transport._send

    @functools.wraps(send)
    def sent(self: Any, target: Any, *args: Any, **arguments: Any) -> Any:
        began = perf_counter()
        waits = bool(arguments.get("wait_for_reply"))
        try:
            answer = send(self, target, *args, **arguments)
        except Exception as error:
            _failed(collector, self, target, error, perf_counter() - began)
            raise
        took = perf_counter() - began
        if waits:
            collector.observe(f"rpc:{target.topic}", Outcome.ANSWERED, took)
        collector.observe(_broker(self), Outcome.ANSWERED, took)
        return answer

    transport._send = sent


def _failed(collector: Collector, transport: Any, target: Any, error: Exception, took: float) -> None:
    name = type(error).__name__
    if name == "MessagingTimeout":
        collector.observe(f"rpc:{target.topic}", Outcome.LOST, took, name)
    elif name == "MessageDeliveryFailure":
        collector.observe(_broker(transport), Outcome.LOST, took, name)
    elif name == "MessageUndeliverable":
        collector.observe(f"rpc:{target.topic}", Outcome.REFUSED, took, name)
    elif name == "RemoteError" or name.endswith("_Remote"):
        # The called procedure's own error came all the way back.
        collector.observe(f"rpc:{target.topic}", Outcome.ANSWERED, took)


_connected: dict[str, str] = {}
"""The broker that was connected to last, by process: of several it is the one that messages go to."""


def _broker(transport: Any) -> str:
    """The broker that a message went to: which it was the library does not say, only whom it connected to last."""
    last = _connected.get("last")
    if last is not None:
        return last
    known: str | None = transport.__dict__.get("onward_component")
    if known is None:
        hosts = getattr(getattr(getattr(transport, "_driver", None), "_url", None), "hosts", None) or ()
        known = f"messaging:{hosts[0].hostname}:{hosts[0].port}" if hosts else "messaging:unknown"
        transport.onward_component = known
    return known


def listen_to_connections(collector: Collector, module: Any) -> None:
    """Hear of every connection to a broker, made or refused, whichever thread of the library makes it."""
    connection = module.Connection
    connect = connection.connect

    @functools.wraps(connect)
    def connected(self: Any, *args: Any, **arguments: Any) -> Any:
        began = perf_counter()
        name = f"messaging:{self.host}" if ":" in str(self.host) else f"messaging:{self.host}:5672"
        try:
            answer = connect(self, *args, **arguments)
        except Exception as error:
            collector.observe(name, Outcome.REFUSED, perf_counter() - began, type(error).__name__)
            raise
        collector.observe(name, Outcome.ANSWERED, perf_counter() - began)
        _connected["last"] = name
        return answer

    connection.connect = connected
