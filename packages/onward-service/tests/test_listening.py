"""The services' own libraries against real servers: MariaDB, memcached, and HTTP."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import memcache
import pytest
from keystoneauth1.exceptions import ClientException
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session
from pymemcache.client.base import Client
from pymemcache.client.hash import HashClient
from pymemcache.exceptions import MemcacheUnexpectedCloseError
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from onward.hosts.guard import guarded
from onward_service.board import Board
from onward_service.collector import Collector
from onward_service.hooks import Listening
from onward_service.observation import Observation, Status
from served_releases import DATABASE_PASSWORD, Database, free_port, until

COLLECTOR = Collector(Board(None))
LISTENING = Listening(COLLECTOR)
LISTENING.look()


@pytest.fixture(autouse=True)
def nothing_known_yet() -> None:
    """What other tests of this process have used is listened to as well, and there is room for so many components."""
    COLLECTOR._known.clear()


def known(component: str) -> Observation | None:
    """What this process knows of a component now, whether or not it was shared already."""
    found = COLLECTOR._known.get(component)
    return COLLECTOR._observation(component, found) if found else None


def test_everything_that_is_there_is_listened_to() -> None:
    assert LISTENING.deaf == []
    assert {"sqlalchemy.engine", "pymemcache.client.base", "memcache", "keystoneauth1.session"} <= set(LISTENING.heard)


@pytest.mark.mariadb
@pytest.mark.parametrize("pre_ping", [True, False])
def test_a_database_that_goes_and_comes_back(database: Database, pre_ping: bool) -> None:
    name = f"listened{pre_ping:d}"
    engine = create_engine(database.make(name), pool_pre_ping=pre_ping)
    component = f"sql:localhost:3306/{name}"

    def ask(words: str = "SELECT 1") -> None:
        with engine.connect() as connection:
            connection.execute(text(words))

    ask()
    seen = known(component)
    assert seen is not None
    assert (seen.status, seen.losses) == (Status.PASS, 0)
    with pytest.raises(SQLAlchemyError):
        ask("SELECT nonsense")
    seen = known(component)
    assert seen is not None
    assert seen.status is Status.PASS, "a server that refuses a statement answers"

    database.server.stop()
    statuses = []
    for _ in range(2):
        with pytest.raises(SQLAlchemyError):
            ask()
        seen = known(component)
        assert seen is not None
        statuses.append(seen.status)
    assert statuses == ([Status.FAIL] * 2 if pre_ping else [Status.WARN, Status.FAIL])
    assert seen.reason.startswith("OperationalError 20")
    assert DATABASE_PASSWORD not in repr(seen)

    database.server.start()
    ask()
    seen = known(component)
    assert seen is not None
    assert seen.status is Status.PASS
    engine.dispose()


@contextmanager
def memcached(directory: Path, port: int) -> Iterator[None]:
    server = shutil.which("memcached")
    if server is None:
        pytest.skip("needs memcached")
    words = [server, "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-t", "1", "-m", "16", "-u", "root"]
    with guarded(words, directory / "memcached.log"):
        until(lambda: _answers(port))
        yield


def _answers(port: int) -> bool:
    try:
        Client(("127.0.0.1", port), timeout=5).version()
    except OSError:
        return False
    return True


@pytest.mark.broker
@pytest.mark.parametrize("library", ["pymemcache", "ignoring", "hash", "python-memcached"])
def test_a_cache_that_goes(tmp_path: Path, library: str) -> None:
    port = free_port()
    component = f"cache:127.0.0.1:{port}"
    address = ("127.0.0.1", port)
    made = {
        "pymemcache": lambda: Client(address, timeout=5),
        "ignoring": lambda: Client(address, timeout=5, ignore_exc=True),
        "hash": lambda: HashClient([address], ignore_exc=True, retry_attempts=0, timeout=5),
        "python-memcached": lambda: memcache.Client([f"127.0.0.1:{port}"], dead_retry=0),
    }[library]()
    with memcached(tmp_path, port):
        assert made.set("key", "value")
        seen = known(component)
        assert seen is not None
        assert seen.status is Status.PASS
    for _ in range(3):
        try:
            made.get("key")
        except (OSError, MemcacheUnexpectedCloseError):
            continue
    seen = known(component)
    assert seen is not None
    # HashClient does not use again what it has lost once, so that the first loss can be all that there is to hear.
    assert seen.status >= (Status.WARN if library == "hash" else Status.FAIL)
    assert library != "python-memcached" or seen.reason == "marked dead ConnectionRefusedError"


class Keystone(BaseHTTPRequestHandler):
    """Answers as it is told, as Keystone and every other service do."""

    status = 201

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(self.status, b'{"token": {"expires_at": "2999-01-01T00:00:00Z", "methods": ["password"]}}')

    def do_GET(self) -> None:
        self.answer(self.status, b"{}")

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("X-Subject-Token", "secret-token")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        return


def test_a_neighbours_answers_are_the_neighbours() -> None:
    server = HTTPServer(("127.0.0.1", 0), Keystone)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    place = f"http://127.0.0.1:{server.server_port}"
    auth = Password(f"{place}/v3", username="nova", password="service-password", user_domain_id="default")

    def ask(status: int, url: str = "/servers", **named: object) -> None:
        Keystone.status = status
        with pytest.raises(ClientException) if status >= 400 else _nothing():
            Session(auth=auth).get(place + url, **named)

    def status(component: str) -> tuple[Status, str]:
        seen = known(component)
        assert seen is not None
        return seen.status, seen.reason

    neighbour = f"service:127.0.0.1:{server.server_port}"
    ask(201)
    assert status(neighbour) == status("service:identity") == (Status.PASS, "")
    ask(404, authenticated=False)
    assert status(neighbour) == (Status.PASS, ""), "an answer that something is not there is an answer"
    ask(503, authenticated=False)
    assert status(neighbour) == (Status.WARN, "HTTP 503")
    ask(503, authenticated=False, endpoint_filter={"service_type": "volumev3"})
    assert status("service:volumev3") == (Status.WARN, "HTTP 503")
    auth.invalidate()
    ask(401)
    assert status(neighbour) == (Status.WARN, "HTTP 503"), "nobody asked it"
    assert status("service:identity") == (Status.FAIL, "own credentials refused")
    server.shutdown()
    server.server_close()
    thread.join()
    ask(999, authenticated=False)
    assert status(neighbour) == (Status.FAIL, "ConnectFailure refused")


@contextmanager
def _nothing() -> Iterator[None]:
    yield
