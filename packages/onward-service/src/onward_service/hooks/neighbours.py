"""keystoneauth: Keystone itself, which validates tokens, and every service that is called."""

from __future__ import annotations

import functools
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from onward_service.collector import Collector
from onward_service.observation import Outcome


def listen(collector: Collector, module: Any) -> None:
    """Hear of every request that a session of the process makes, and of its answer."""
    session = module.Session
    request = session.request

    @functools.wraps(request)
    def requested(self: Any, url: Any, method: Any, *args: Any, **arguments: Any) -> Any:
        began = perf_counter()
        name = _neighbour(url, arguments.get("endpoint_filter"))
        try:
            answer = request(self, url, method, *args, **arguments)
        except Exception as error:
            # A session logs in with a request of its own, whose error comes through the one that it was for.
            if not getattr(error, "onward_heard", False):
                error.onward_heard = True  # type: ignore[attr-defined]
                _failed(collector, name, url, error, perf_counter() - began)
            raise
        _answered(collector, name, url, getattr(answer, "status_code", 200), perf_counter() - began)
        return answer

    session.request = requested


def _failed(collector: Collector, name: str, url: Any, error: Exception, took: float) -> None:
    status = getattr(error, "http_status", None)
    if isinstance(status, int) and status:
        _answered(collector, name, url, status, took)
    elif type(error).__module__.startswith("keystoneauth1.exceptions.connection"):
        # requests calls it the same whether nobody listens or a connection broke; a certificate has a class of its own.
        refused = "refused" if "refused" in str(error).lower() else ""
        collector.observe(name, Outcome.LOST, took, f"{type(error).__name__} {refused}".strip())
    elif type(error).__module__.startswith("keystoneauth1.exceptions.catalog"):
        collector.observe(name, Outcome.REFUSED, took, type(error).__name__)


def _answered(collector: Collector, name: str, url: Any, status: int, took: float) -> None:
    if status >= 500:
        collector.observe(name, Outcome.LOST, took, f"HTTP {status}")
    elif status == 401 and str(url).endswith("/auth/tokens"):
        # The service logs in with its own credentials: nobody else's are sent there.
        collector.observe(name, Outcome.REFUSED, took, "own credentials refused")
    else:
        collector.observe(name, Outcome.ANSWERED, took)


def _neighbour(url: Any, endpoint_filter: Any) -> str:
    """``service:TYPE``, or the place in the network of one that is called by its address."""
    if endpoint_filter and endpoint_filter.get("service_type"):
        return f"service:{endpoint_filter['service_type']}"
    if str(url).endswith(("/auth/tokens", "/v3", "/v3/")):
        return "service:identity"
    place = urlsplit(str(url))
    return f"service:{place.hostname}:{place.port}" if place.hostname else "service:unknown"
