"""Keystone behind a load balancer that has no unit for a moment."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import requests

from onward.actions.deployment.keystone_client import KeystoneClient


@contextmanager
def answering(*statuses: int) -> Iterator[tuple[str, list[str]]]:
    """A server that answers with these, the last one for ever; and what it was asked."""
    left, asked = list(statuses), list[str]()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(said["auth"]["identity"]["password"]["user"]["name"])
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.send_header("X-Subject-Token", "a-token")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v3", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_balancer_that_has_no_unit_for_a_moment_is_asked_again() -> None:
    with answering(503, 503, 201) as (url, asked):
        KeystoneClient(url, "secret")
    assert asked == ["admin"] * 3


def test_what_keystone_itself_refuses_is_not_asked_again() -> None:
    with answering(401) as (url, asked), pytest.raises(requests.HTTPError):
        KeystoneClient(url, "secret")
    assert asked == ["admin"]
