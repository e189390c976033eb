"""What callers get, and what they cannot cause."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onward_service.application import wrapped
from onward_service.backends import Result, bounded
from onward_service.board import Board
from onward_service.collector import Collector
from onward_service.hooks import Listening
from onward_service.middleware import HealthMiddleware
from onward_service.observation import Outcome
from onward_service.options import OptionInvalid, options
from onward_service.plugins import NOVA, UnknownPlugin
from onward_service.wsgi import wrap
from prometheus_text import samples

TOKEN = "gAAAA-secret-token"
OWN = "calls:own"
SQL, BROKER, IDENTITY = "sql:db:3306/nova", "messaging:mq:5672", "service:identity"
PATHS = ("/health", "/health/live", "/health/ready", "/health/metrics", "/health/details", "/health/probe")


class Service:
    """A service in the place of Nova, and its middleware; it does as it is told with what it uses."""

    def __init__(self, **given: Any) -> None:
        self.collector = Collector(Board(None))
        self.calls = 0
        self.doing: Callable[[dict[str, Any]], None] = lambda environ: None
        self.protected = 0
        plugin = replace(NOVA, protect=self._protect)
        self.asked = HealthMiddleware(
            self.application, options({"service": "nova", **given}), plugin, self.collector, Listening(self.collector)
        )

    def application(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        self.calls += 1
        if environ.get("HTTP_X_AUTH_TOKEN") == TOKEN:
            environ["keystone.token_info"] = {"token": {"roles": [{"name": "reader"}]}}
        self.doing(environ)
        start_response("200 OK", [])
        return [b"servers"]

    def _protect(self, application: Any) -> Any:
        def protected(environ: dict[str, Any], start_response: Any) -> Any:
            self.protected += 1
            if environ.get("HTTP_X_AUTH_TOKEN") == TOKEN:
                environ["keystone.token_info"] = {"token": {"roles": [{"name": "reader"}]}}
            return application(environ, start_response)

        return protected

    def __call__(self, path: str = "/servers", method: str = "GET", **environ: Any) -> tuple[int, bytes]:
        told: list[str] = []
        given = {"PATH_INFO": path, "REQUEST_METHOD": method, "REMOTE_ADDR": "192.0.2.7", "SERVER_PORT": "8774"}
        body = b"".join(self.asked({**given, **environ}, lambda status, headers: told.append(status)))
        return int(told[0].split()[0]), body

    def use(self, component: str, outcome: Outcome = Outcome.ANSWERED, **environ: Any) -> None:
        """One call that uses a component."""
        self.doing = lambda environ: self.collector.observe(component, outcome, 0.002, "" if not outcome else "Lost")
        self(**({"HTTP_X_AUTH_TOKEN": TOKEN} | environ))

    def checks(self) -> dict[str, str]:
        body = json.loads(self("/health", REMOTE_ADDR="127.0.0.1")[1])
        return {name: each["status"] for name, each in body["checks"].items()}


@pytest.fixture
def service() -> Service:
    return Service(detail_sources="127.0.0.0/8", detail_roles="reader", probes="sql")


def test_nothing_recorded_passes_and_says_so(service: Service) -> None:
    status, body = service("/health")
    assert status == 200
    assert json.loads(body) == {"status": "pass", "notes": ["nothing has been used yet, so nothing is known"]}


def test_what_authenticated_calls_use_is_known(service: Service) -> None:
    service.use(SQL)
    service.use(BROKER, Outcome.LOST)
    assert service.checks() == {OWN: "pass", SQL: "pass", BROKER: "warn"}
    assert service("/health")[0] == 200
    service.use(BROKER, Outcome.REFUSED)
    assert service("/health") == (503, b'{\n  "status": "fail"\n}\n')
    assert service("/health/ready")[0] == 503
    assert service("/health/live")[0] == 200
    service.use(BROKER)
    assert service("/health/ready")[0] == 200


def test_a_neighbour_does_not_take_the_unit_out(service: Service) -> None:
    service.use(IDENTITY, Outcome.REFUSED)
    assert service.checks() == {OWN: "pass", IDENTITY: "fail"}
    assert service("/health/ready")[0] == 200
    assert json.loads(service("/health")[1])["status"] == "warn"


def test_callers_without_credentials_change_nothing(service: Service) -> None:
    """Nor do those who send what only authentication may say."""
    spoofed = {"HTTP_X_IDENTITY_STATUS": "Confirmed", "HTTP_X_ROLES": "admin", "HTTP_X_USER_ID": "1"}
    service.doing = lambda environ: service.collector.observe(SQL, Outcome.REFUSED, 0.1, "Lost")
    service("/servers")
    service("/servers", **spoofed)
    assert service.checks() == {}


def test_a_token_that_cannot_be_validated_tells_only_of_losses(service: Service) -> None:
    """A service whose Keystone is gone authenticates nobody; it has to notice all the same."""
    service.use(IDENTITY, HTTP_X_AUTH_TOKEN="nonsense")
    assert service.checks() == {}
    service.use(IDENTITY, Outcome.LOST, HTTP_X_AUTH_TOKEN="any")
    service.use(IDENTITY, Outcome.LOST, HTTP_X_AUTH_TOKEN="any")
    assert service.checks() == {IDENTITY: "fail"}


def test_ten_thousand_callers_without_a_token_cause_nothing(service: Service) -> None:
    service.use(SQL)
    calls, uses = service.calls, service.collector.observations()
    for number in range(10_000):
        status, _ = service(PATHS[number % len(PATHS)], "POST" if number % 7 == 0 else "GET")
        assert status in (200, 401, 403, 405)
    assert service.calls == calls
    assert service.protected == 0
    assert service.collector.observations() == uses


def test_details_are_for_those_who_may(service: Service) -> None:
    service.use(SQL)
    assert b"db:3306" not in service("/health")[1]
    assert b"db:3306" in service("/health", REMOTE_ADDR="127.0.0.1")[1]
    assert b"db:3306" not in service("/health", REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.1")[1]
    assert service("/health/metrics")[0] == 403
    assert service("/health/details")[0] == 401
    assert service("/health/details", HTTP_X_AUTH_TOKEN="nonsense")[0] == 401
    status, body = service("/health/details", HTTP_X_AUTH_TOKEN=TOKEN)
    assert (status, json.loads(body)["checks"][SQL]["uses"]) == (200, 1)
    assert service("/health/probe", "POST", HTTP_X_AUTH_TOKEN=TOKEN)[0] == 403, "a reader may not probe"


def test_what_is_not_switched_on_reaches_the_service() -> None:
    service = Service()
    for path in ("/health/details", "/health/probe", "/healthcheck", "/healthy", "/health/"):
        assert service(path)[1] == b"servers"


def test_metrics_are_prometheus_text(service: Service) -> None:
    service.use(SQL)
    service.use('rpc:od"d\\topic\n', Outcome.LOST)
    status, body = service("/health/metrics", REMOTE_ADDR="127.0.0.1")
    found = samples(body.decode())
    assert status == 200
    assert found["onward_health_component_status", SQL] == 0
    assert found["onward_health_component_status", 'rpc:od"d\\topic\n'] == 1
    assert found["onward_health_component_losses_total", 'rpc:od"d\\topic\n'] == 1


def test_a_file_takes_the_unit_out(tmp_path: Path) -> None:
    file = tmp_path / "out"
    service = Service(disable_by_file_path=str(file))
    assert service("/health/ready")[0] == 200
    file.touch()
    assert service("/health/ready")[0] == 503
    assert service("/health/live")[0] == 200
    assert service("/health")[0] == 200


def test_what_is_misspelt_does_not_start() -> None:
    for mistake in (
        {"service": "keyston"},
        {"service": "nova", "backends": "disable_by_fil"},
        {"service": "nova", "probes": "mail"},
        {"service": "nova", "detail_source": "127.0.0.1"},
        {"service": "nova", "detail_sources": "127.0.0.300"},
        {"service": "nova", "path": "health"},
        {"service": "nova", "retry_seconds": "-1"},
        {"service": "nova", "detailed": "perhaps"},
        {"service": "nova", "backends": "disable_by_file,enable_by_files"},
        {"service": "nova", "disable_by_file_paths": "http:/tmp/x"},
        {},
    ):
        with pytest.raises((UnknownPlugin, OptionInvalid)):
            wrap(lambda environ, start_response: [], **mistake)


def test_the_module_for_servers_refuses_what_it_cannot_read() -> None:
    for place, words in (("json", "service=nova"), ("json:loads", "service"), ("json:loads", "service=nova;;probe")):
        with pytest.raises(OptionInvalid):
            wrapped(place, words)
    assert wrapped("json:loads", " service = nova; detailed = true ;")


def test_more_components_than_there_is_room_for_are_said(service: Service) -> None:
    for number in range(40):
        service.use(f"rpc:topic-{number}")
    body = json.loads(service("/health", REMOTE_ADDR="127.0.0.1")[1])
    assert len(body["checks"]) == 32
    assert "rpc:topic-39" in body["checks"]
    (note,) = body["notes"]
    assert note.startswith("9 times this worker forgot the component that was used longest ago")


def test_somebody_elses_check_may_raise_or_hang() -> None:
    gate = threading.Event()

    def raising(port: int) -> Any:
        raise SystemExit(port)

    def hanging(port: int) -> Any:
        gate.wait()
        return Result(True, "OK")

    raised = bounded("theirs", raising, 5.0)(80)
    assert (raised.available, raised.reason) == (False, "CHECK FAILED")
    before = threading.active_count()
    hung = bounded("theirs", hanging, 0.05)
    assert [hung(80).reason for _ in range(20)] == ["NO ANSWER"] * 20
    assert threading.active_count() <= before + 1
    gate.set()


words = st.text(max_size=200)
environs = st.dictionaries(
    st.sampled_from(
        [
            "HTTP_ACCEPT",
            "HTTP_X_AUTH_TOKEN",
            "HTTP_X_FORWARDED_FOR",
            "QUERY_STRING",
            "SERVER_PORT",
            "REMOTE_ADDR",
            "CONTENT_LENGTH",
            "HTTP_X_ROLES",
            "SCRIPT_NAME",
        ]
    ),
    words,
)


@settings(max_examples=300)
@given(
    st.sampled_from([*PATHS, "/healthcheck"]),
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "", "x"]),
    environs,
)
def test_whatever_is_sent_is_answered_and_nothing_told(path: str, method: str, environ: dict[str, str]) -> None:
    service = _FUZZED
    status, body = service(path, method, **environ)
    assert status in (200, 204, 401, 403, 405, 503)
    assert b"db:3306" not in body
    assert len(body) < 2000


_FUZZED = Service(
    detail_sources="203.0.113.0/32",
    detail_roles="reader",
    probes="sql",
    healthcheck_path="/healthcheck",
    backends="disable_by_file,onward_health",
)
_FUZZED.use(SQL)
