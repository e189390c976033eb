"""The URLs of a real Keystone's catalogue: each fault is found and named, and what is well gives no warning."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from checked_keystone import PASSWORD, Keystone
from web_servers import Authority, silent_server, unused_url, web_server

pytestmark = pytest.mark.environments


class Catalogue:
    """The catalogue of a Keystone that answers, to be added to."""

    def __init__(self, database: Path) -> None:
        self._database = database

    def add(self, name: str, url: str, interface: str = "public") -> None:
        """As the API does it; two of its workers may lock each other out of SQLite."""
        service, endpoint = uuid4().hex, uuid4().hex
        with closing(sqlite3.connect(self._database, timeout=60)) as connection:
            connection.execute(
                "INSERT INTO service (id, type, enabled, extra) VALUES (?, ?, 1, ?)",
                (service, f"{name}-type", json.dumps({"name": name})),
            )
            connection.execute(
                "INSERT INTO endpoint (id, interface, service_id, url, extra, enabled, region_id)"
                " VALUES (?, ?, ?, ?, '{}', 1, 'RegionOne')",
                (endpoint, interface, service, url),
            )
            connection.commit()


@pytest.fixture
def catalogue(keystone: Keystone, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalogue]:
    keystone.write(identity={})
    with keystone.served() as api:
        words = {"USERNAME": "admin", "PASSWORD": PASSWORD, "PROJECT_NAME": "admin", "AUTH_URL": f"{api.url}/v3"}
        for name, value in words.items():
            monkeypatch.setenv(f"OS_{name}", value)
        yield Catalogue(keystone.database)


@pytest.fixture
def check(keystone: Keystone, onward: Callable[..., Any]) -> Callable[[], dict[tuple[str, str], dict[str, str]]]:
    """``onward check``: the findings by their name and what they are about."""

    def call() -> dict[tuple[str, str], dict[str, str]]:
        called = onward("check", "--cloud", keystone.cloud_file, "-f", "json")
        assert PASSWORD not in called.out + called.err
        return {(each["Check"], each["About"]): each for each in json.loads(called.out)}

    return call


def test_what_is_well_gives_no_warning(
    catalogue: Catalogue, check: Callable[[], Any], tmp_path: Path, monkeypatch
) -> None:
    authority = Authority(tmp_path)
    with web_server(300) as versions, web_server(401, authority.certificate("well", days=400)) as secured:
        monkeypatch.setenv("OS_CACERT", str(authority.file))
        catalogue.add("placement", versions)
        catalogue.add("barbican", secured, "internal")
        found = check()
    assert found["endpoint", ""]["Details"] == "5 of 5 URLs of the catalogue answer"
    assert "1 server: trusted; the first expires in 400 days" in found["certificate", ""]["Details"]
    assert "agree" in found["clock", ""]["Details"]
    seen = {each["Result"] for (name, _), each in found.items() if name in ("endpoint", "certificate", "clock")}
    assert seen == {"pass"}


def test_each_fault_is_found_and_named(
    catalogue: Catalogue, check: Callable[[], Any], tmp_path: Path, monkeypatch
) -> None:
    authority, stranger = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    for each in (authority, stranger):
        each.directory.mkdir()
    certificates = {
        "soon": authority.certificate("soon", days=10.5),
        "sooner": authority.certificate("sooner", days=0.9),
        "expired": authority.certificate("expired", days=-2),
        "stranger": stranger.certificate("stranger", days=400),
        "another": authority.certificate("another", days=400, address="127.0.0.2"),
    }
    monkeypatch.setenv("OS_CACERT", str(authority.file))
    with ExitStack() as stack:
        servers = {name: stack.enter_context(web_server(300, file)) for name, file in certificates.items()}
        servers["broken"] = stack.enter_context(web_server(503))
        servers["gone"] = unused_url()
        servers["silent"] = stack.enter_context(silent_server())
        servers["nameless"] = "http://nowhere.invalid:9999/"
        for name, url in servers.items():
            catalogue.add(name, url)
        catalogue.add("elsewhere", servers["silent"], "internal")
        found = check()
    told = {
        name: found["endpoint", f"{name} {'internal' if name == 'elsewhere' else 'public'} RegionOne"]
        for name in ("broken", "gone", "silent", "nameless", "elsewhere", "expired", "stranger", "another")
    }
    assert {name: each["Result"] for name, each in told.items()} == {
        **dict.fromkeys(told, "fail"),
        "elsewhere": "could-not-tell",
    }
    words = {
        "broken": "answers with 503",
        "gone": "nobody listens there",
        "silent": "no answer came in time",
        "nameless": "its name is not known here",
        "elsewhere": "no answer came in time",
        "expired": "its certificate is not accepted",
    }
    assert {name: text for name, text in words.items() if text not in told[name]["Details"]} == {}
    assert told["gone"]["Way out"] == "openstack endpoint list --service gone-type"

    def certificate(name: str) -> tuple[str, str]:
        each = found["certificate", servers[name].removeprefix("https://")]
        return each["Result"], each["Details"]

    assert certificate("soon") == ("warn", "it expires in 10 days")
    assert certificate("sooner") == ("fail", "it expires in 22 hours")
    assert certificate("expired") == ("fail", "not trusted: certificate has expired")
    assert certificate("stranger")[0] == certificate("another")[0] == "fail"
    assert "unable to get local issuer certificate" in certificate("stranger")[1]
    assert "IP address mismatch" in certificate("another")[1]


@pytest.mark.parametrize(
    ("seconds", "result", "words"),
    [
        (-40, "fail", "40 s behind this machine's"),
        (40, "fail", "40 s ahead of this machine's"),
        (-12, "warn", "12 s behind"),
    ],
)
def test_a_clock_that_is_wrong_is_found(
    catalogue: Catalogue, check: Callable[[], Any], seconds: int, result: str, words: str
) -> None:
    with web_server(300, clock_seconds=seconds) as url:
        catalogue.add("late", url)
        found = check()["clock", url.removeprefix("http://")]
    assert found["Result"] == result
    measured = int(found["Details"].split(" s ")[0].rsplit(" ", 1)[1])
    assert abs(measured - abs(seconds)) <= 2
    assert words.split(" s ")[1] in found["Details"]
    assert found["Way out"] == "chronyc tracking, on both machines"
