"""SQLAlchemy, 1.4 to 2.1: its own events, on every engine of the process.

https://docs.sqlalchemy.org/en/20/core/events.html: before_cursor_execute, after_cursor_execute, handle_error. The last
is also called where a connection cannot be made, then without a connection.
"""

from __future__ import annotations

from contextlib import suppress
from time import perf_counter
from typing import Any

from onward_service.collector import Collector
from onward_service.observation import Outcome
from onward_service.probes import remember

_PORTS = {"mysql": 3306, "mariadb": 3306, "postgresql": 5432}

# A server that answers, and does not serve: disk full, table full, read-only, a Galera node that is not in its cluster.
# https://mariadb.com/kb/en/mariadb-error-codes/
_CANNOT_SERVE = {1021, 1047, 1114, 1290, 1836}


def listen(collector: Collector, module: Any) -> None:
    """Hear of every statement's end."""
    from sqlalchemy import event  # noqa: PLC0415 - only where the service has it

    def before(connection: Any, cursor: Any, statement: Any, parameters: Any, context: Any, many: Any) -> Any:
        if context is not None:
            context.onward_began = perf_counter()
        return statement, parameters

    def after(connection: Any, cursor: Any, statement: Any, parameters: Any, context: Any, many: Any) -> None:
        began = getattr(context, "onward_began", None)
        if began is not None:
            collector.observe(_component(connection.engine), Outcome.ANSWERED, perf_counter() - began)

    def failed(context: Any) -> None:
        with suppress(Exception):  # A service never fails because somebody listens.
            component = _failed_component(context)
            if component:
                collector.observe(component, *_outcome(context))

    engine = module.Engine
    # Of one that does not return them SQLAlchemy makes one that does.
    event.listen(engine, "before_cursor_execute", before, retval=True)
    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "handle_error", failed)


def _outcome(context: Any) -> tuple[Outcome, float, str]:
    original = context.original_exception
    code = original.args[0] if original.args and isinstance(original.args[0], int) else None
    # Whether nobody listens or nobody answers has the same number; the socket's own error tells the two apart.
    socket_error = getattr(original, "original_exception", None) or original.__context__
    told = [type(original).__name__, code, type(socket_error).__name__ if isinstance(socket_error, OSError) else None]
    reason = " ".join(str(each) for each in told if each is not None)
    began = getattr(context.execution_context, "onward_began", None)
    latency = perf_counter() - began if began is not None else 0.0
    if context.connection is None and not getattr(context, "is_pre_ping", False):
        return Outcome.REFUSED, latency, reason
    if context.is_disconnect or code in _CANNOT_SERVE:
        return Outcome.LOST, latency, reason
    return Outcome.ANSWERED, latency, ""


def _failed_component(context: Any) -> str:
    """A connection that is tried before it is used belongs to a dialect and not to an engine, in SQLAlchemy 2."""
    if context.engine is not None:
        return _component(context.engine)
    return str(getattr(context.dialect, "onward_component", ""))


def _component(engine: Any) -> str:
    """The engine's place in the network, kept with it. Never its user or password."""
    known: str | None = engine.__dict__.get("onward_component")
    if known is None:
        url = engine.url
        backend = url.get_backend_name()
        if url.host:
            known = f"sql:{url.host}:{url.port or _PORTS.get(backend, 0)}/{url.database or ''}"
        else:
            known = f"sql:{url.query.get('unix_socket') or backend}"
        engine.onward_component = engine.dialect.onward_component = known
        remember(known, engine)
    return known
