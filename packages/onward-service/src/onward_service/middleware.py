"""The middleware: notices what calls use, and answers those who ask for the health from memory."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from onward_service import answers
from onward_service.backends import Result, backends, files
from onward_service.collector import Collector
from onward_service.frames import roomy
from onward_service.healthcheck import Healthcheck, within
from onward_service.hooks import Listening
from onward_service.judgement import Component, Limits, components, whole
from onward_service.observation import Status
from onward_service.options import Options
from onward_service.plugins import Application, Plugin
from onward_service.probes import Probes
from onward_service.push import Pusher

_LOG = logging.getLogger(__name__)
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Headers = list[tuple[str, str]]

_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP")
_STATUS = {Status.PASS: "200 OK", Status.WARN: "200 OK", Status.FAIL: "503 Service Unavailable"}


class Known:
    """What is known of the unit, kept for a moment so that no number of callers makes it work."""

    def __init__(self, collector: Collector, listening: Listening, options: Options, plugin: Plugin) -> None:
        self._collector = collector
        self._listening = listening
        self._options = options
        self._plugin = plugin
        self._limits = Limits(options.retry_seconds, options.forget_seconds)
        self._until = 0.0
        self._changes = -1
        self.status = Status.PASS
        self.found: tuple[Component, ...] = ()
        self.public = b""

    def refresh(self) -> None:
        """Look again where the last look is old, or where this worker knows better."""
        now = time.monotonic()
        if now < self._until and self._changes == self._collector.changes:
            return
        self._changes = self._collector.changes
        self.found = components(self._collector.observations(), time.time(), self._limits)
        self.status = whole(self.found, self._plugin.essential)
        self.public = answers.public(self.status, bool(self.found))
        self._until = now + self._options.refresh_seconds

    def details(self) -> bytes:
        """What operators may know."""
        missed = [f"{name} is of another shape than is known, and is not listened to" for name in self._listening.deaf]
        if self._collector.left_out:
            missed.append(
                f"{self._collector.left_out} times this worker forgot the component that was used longest ago:"
                " there are more than it has room for"
            )
        return answers.details(self.status, self._options.service, self.found, missed, time.time())

    def metrics(self) -> bytes:
        """The same for Prometheus."""
        return answers.metrics(self.status, self._options.service, self.found)


class HealthMiddleware:
    """A WSGI application around the service's own."""

    def __init__(
        self, application: Application, options: Options, plugin: Plugin, collector: Collector, listening: Listening
    ) -> None:
        """Raises UnknownPlugin where a back end or a probe is not installed."""
        self._application = roomy(application)
        self._options = options
        self._plugin = plugin
        self._collector = collector
        self._listening = listening
        self._known = Known(collector, listening, options, plugin)
        self._files = files(options)
        self._healthcheck = Healthcheck(options, backends(options, self._last_known))
        self._probes = Probes(options, collector)
        self._pusher = (
            Pusher(options.push_to, options.push_unit, options.push_key_file, self._pushed) if options.push_to else None
        )
        self._protected: Application | None = None
        path = options.path
        self._answers: dict[str, Callable[[Environ, StartResponse], Iterable[bytes] | None]] = {
            path: self._health,
            f"{path}/live": self._live,
            f"{path}/ready": self._ready,
            f"{path}/metrics": self._metrics,
        }
        if options.detail_roles:
            self._answers[f"{path}/details"] = self._authenticated
        if options.probes:
            self._answers[f"{path}/probe"] = self._authenticated
        if options.healthcheck_path:
            self._answers[options.healthcheck_path] = self._oslo
        listening.look()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """One request: answered here, or by the service, of which it is noticed then what it used."""
        answer = self._answers.get(environ.get("PATH_INFO", ""))
        if answer is not None:
            answered = answer(environ, start_response)
            if answered is not None:
                return answered
        statuses: list[str] = []
        logs_in = self._plugin.logs_in(environ)
        if logs_in:
            start_response = _watched(start_response, statuses)
        began = time.perf_counter()
        token = self._collector.begin()
        try:
            return self._application(environ, start_response)  # type: ignore[no-any-return]
        finally:
            took = time.perf_counter() - began
            authenticated = self._plugin.authenticated(environ) or bool(statuses and statuses[-1].startswith("2"))
            self._collector.end(token, authenticated, logs_in or "HTTP_X_AUTH_TOKEN" in environ, took)
            self._listening.look()
            if self._pusher is not None:
                self._pusher.tell(self._collector.changes)

    def _pushed(self) -> bytes:
        self._known.refresh()
        return self._known.details()

    def _health(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        known = self._known
        known.refresh()
        body = known.details() if self._shown(environ) else known.public
        return _answer(environ, start_response, _STATUS[known.status], answers.HEALTH, body)

    def _live(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """The worker answers: that is all."""
        return _answer(environ, start_response, "200 OK", answers.HEALTH, answers.public(Status.PASS, recorded=True))

    def _ready(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Whether a load balancer shall send callers here."""
        self._known.refresh()
        status = self._known.status
        port = _port(environ)
        if not all(backend(port).available for backend in self._files):
            status = Status.FAIL
        return _answer(environ, start_response, _STATUS[status], answers.HEALTH, answers.public(status, recorded=True))

    def _metrics(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        self._known.refresh()
        if not self._shown(environ):
            return _refused(environ, start_response, "403 Forbidden")
        return _answer(environ, start_response, "200 OK", answers.PROMETHEUS, self._known.metrics())

    def _oslo(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes] | None:
        """None where oslo.middleware lets the caller through to the service: it comes from no network that may ask."""
        answer = self._healthcheck.answer(environ)
        if answer is None:
            return None
        status, headers, body = answer
        start_response(status, headers)
        return [body]

    def _authenticated(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """What only roles may have: behind the service's own authentication, which nobody without a token meets."""
        if not environ.get("HTTP_X_AUTH_TOKEN"):
            return _refused(environ, start_response, "401 Unauthorized")
        try:
            if self._protected is None:
                self._protected = self._plugin.protect(self._for_roles)
            return self._protected(environ, start_response)  # type: ignore[no-any-return]
        except Exception:  # Where its database or Keystone is gone, whoever asks cannot be told apart.
            _LOG.exception("whether a caller may see the details of the health could not be told")
            return _refused(environ, start_response, "503 Service Unavailable")

    def _for_roles(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        roles = self._plugin.roles(environ)
        probing = environ.get("PATH_INFO", "").endswith("/probe")
        if not roles or not roles & (self._options.probe_roles if probing else self._options.detail_roles):
            return _refused(environ, start_response, "401 Unauthorized" if roles is None else "403 Forbidden")
        if probing:
            if environ.get("REQUEST_METHOD") != "POST":
                return _refused(environ, start_response, "405 Method Not Allowed", [("Allow", "POST")])
            self._probes.run()
        self._known.refresh()
        return _answer(
            environ,
            start_response,
            _STATUS[self._known.status],
            answers.HEALTH,
            self._known.details(),
            ("GET", "HEAD", "POST"),
        )

    def _shown(self, environ: Environ) -> bool:
        """Whether this caller sees details: it comes from an allowed network, itself and not through a proxy."""
        sources = self._options.detail_sources
        if not sources or any(name in environ for name in _FORWARDED):
            return False
        return within(environ.get("REMOTE_ADDR", ""), sources)

    def _last_known(self, port: int) -> Result:
        """The back end ``onward_health`` of our own /healthcheck."""
        self._known.refresh()
        return last_known(self._known.status, self._known.found)


def last_known(status: Status, found: Iterable[Component]) -> Result:
    """What is known, as oslo.middleware's back ends say it."""
    poor = [each.name for each in found if each.status is not Status.PASS]
    if status is Status.FAIL:
        return Result(False, "FAILED", f"not well: {', '.join(poor)}")
    return Result(True, "OK", f"not well, and not in the way: {', '.join(poor)}" if poor else "")


def _watched(start_response: StartResponse, statuses: list[str]) -> StartResponse:
    def started(status: str, *arguments: Any, **named: Any) -> Any:
        statuses.append(status)
        return start_response(status, *arguments, **named)

    return started


def _port(environ: Environ) -> int:
    port = str(environ.get("SERVER_PORT", ""))
    return int(port) if port.isdigit() and port.isascii() else 0


def _answer(
    environ: Environ,
    start_response: StartResponse,
    status: str,
    kind: str,
    body: bytes,
    methods: tuple[str, ...] = ("GET", "HEAD"),
) -> list[bytes]:
    method = environ.get("REQUEST_METHOD")
    if method not in methods:
        return _refused(environ, start_response, "405 Method Not Allowed", [("Allow", ", ".join(methods))])
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")])
    return [b"" if method == "HEAD" else body]


def _refused(
    environ: Environ, start_response: StartResponse, status: str, headers: Headers | None = None
) -> list[bytes]:
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", "0"), *(headers or [])])
    return [b""]
