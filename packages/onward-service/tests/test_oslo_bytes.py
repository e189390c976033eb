"""``/healthcheck`` beside the real oslo.middleware's, in the same process: the same bytes."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg
from oslo_middleware.healthcheck import Healthcheck as Upstream
from webob import Request

from onward_service.wsgi import wrap

ACCEPTS = (
    None,
    "",
    "*/*",
    "text/plain",
    "text/html",
    "application/json",
    "text/html,application/xhtml+xml,*/*;q=0.8",
    "application/*;q=0.5, text/plain;q=0.4",
    "image/png",
    "text/html;q=0",
    "no accept header, at all",
)


@pytest.fixture(autouse=True)
def fresh_configuration() -> Iterator[None]:
    yield
    cfg.CONF.reset()
    cfg.CONF.clear()


def application(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the service"]


def answer(asked: Any, **environ: str) -> tuple[str, list[tuple[str, str]], bytes]:
    request = Request.blank("/healthcheck", environ={"REMOTE_ADDR": "10.0.0.7", **environ})
    response = request.get_response(asked)
    return response.status, sorted(response.headerlist), response.body


def both(given: dict[str, str]) -> tuple[Any, Any]:
    return Upstream.app_factory({}, **given), wrap(
        application, service="keystone", healthcheck_path="/healthcheck", **given
    )


CASES: dict[str, dict[str, str]] = {
    "nothing": {},
    "file absent": {"backends": "disable_by_file", "disable_by_file_path": "HERE/absent"},
    "file there": {"backends": "disable_by_file", "disable_by_file_path": "HERE/there <&\"'>"},
    "file not said": {"backends": "disable_by_file"},
    "port": {"backends": "disable_by_files_ports", "disable_by_file_paths": "80:HERE/there <&\"'>, 81:HERE/absent"},
    "another port": {"backends": "disable_by_files_ports", "disable_by_file_paths": "81:HERE/there <&\"'>"},
    "enabled": {"backends": "enable_by_files", "enable_by_file_paths": "HERE/there <&\"'>"},
    "missing": {"backends": "enable_by_files", "enable_by_file_paths": "HERE/there <&\"'>, HERE/absent"},
    "two": {"backends": "disable_by_file,disable_by_files_ports", "disable_by_file_path": "HERE/there <&\"'>"},
    "allowed": {"backends": "disable_by_file", "allowed_source_ranges": "10.0.0.0/8, fd00::/8"},
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("detailed", ["false", "true"])
def test_the_same_bytes(case: str, detailed: str, tmp_path: Path) -> None:
    (tmp_path / "there <&\"'>").touch()
    given = {name: value.replace("HERE", str(tmp_path)) for name, value in CASES[case].items()}
    theirs, ours = both({**given, "detailed": detailed})
    for accept, method in product(ACCEPTS, ("GET", "HEAD", "POST")):
        environ = {"REQUEST_METHOD": method} | ({} if accept is None else {"HTTP_ACCEPT": accept})
        expected, got = answer(theirs, **environ), answer(ours, **environ)
        if detailed == "true":
            assert got[0] == expected[0], environ
            assert [name for name, _ in got[1]] == [name for name, _ in expected[1]], environ
            assert without_the_moment(got[2]) == without_the_moment(expected[2]), environ
        else:
            assert got == expected, environ


def without_the_moment(body: bytes) -> bytes:
    """Without what differs from one call to the next of oslo.middleware itself: time, stacks, counts of objects."""
    text = body.decode()
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+", "NOW", text)
    text = re.sub(r"<PRE>\(\d+, \d+, \d+\)</PRE>", "<PRE>COUNTS</PRE>", text)
    text = re.sub(r'"counts": \[[^\]]*\]', '"counts": []', text)
    text = re.sub(r'"(green)?threads": \[.*?\n    \]', r'"\1threads": []', text, flags=re.DOTALL)
    return re.sub(r"<PRE>  File.*?</PRE>", "<PRE>STACK</PRE>", text, flags=re.DOTALL).encode()


def test_callers_from_elsewhere_reach_the_service() -> None:
    ours = wrap(
        application,
        service="keystone",
        healthcheck_path="/healthcheck",
        allowed_source_ranges="192.0.2.0/24",
        ignore_proxied_requests="true",
    )
    assert answer(ours)[2] == b"the service"
    assert answer(ours, REMOTE_ADDR="192.0.2.1")[2] == b""
    assert answer(ours, REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR="192.0.2.9")[2] == b"the service"
    assert answer(ours, REMOTE_ADDR="a socket")[2] == b"the service"


def test_without_a_path_the_services_own_is_left_alone() -> None:
    assert answer(wrap(application, service="keystone"))[2] == b"the service"
