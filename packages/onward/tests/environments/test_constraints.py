"""Constraints: fetched, read or computed once, kept by digest, and refused with a way out when they cannot be had."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from onward.catalog.load import series_list
from onward.catalog.pins import build_faults, pins
from onward.errors import ConstraintsUnavailable, PasswordOnCommandLine
from onward.hosts.constraints import Constraints, resolve, select
from onward.hosts.state import Directories

CARACAL = series_list().find("2024.1")
GOOD = "# comment\noslo.config===9.4.0\n"


@pytest.fixture
def private(tmp_path: Path) -> Directories:
    return Directories(state=tmp_path / "state", cache=tmp_path / "cache").prepared()


class Site:
    """A web server on loopback that answers with what it is told to."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                status, body = site.answers.get(self.path, (404, b"nothing here"))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/constraints/upper/"


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def constrained(constraints: Constraints, directories: Directories) -> tuple[str, ...]:
    return select(constraints, CARACAL, CARACAL.newest("keystone"), "keystone", directories).constrain


def test_official_constraints_are_fetched_once_and_built_from_the_kept_copy(site: Site, private: Directories) -> None:
    site.answers["/constraints/upper/2024.1"] = (200, GOOD.encode())
    found = Constraints.model_validate(resolve("official", CARACAL, private, official_url=site.url))
    assert found.location == f"{site.url}2024.1"
    assert "oslo.config===9.4.0" in constrained(found, private)
    site.answers["/constraints/upper/2024.1"] = (500, b"")
    assert "oslo.config===9.4.0" in constrained(found, private)
    assert site.asked == ["/constraints/upper/2024.1"]


def test_constraints_that_changed_after_planning_are_not_built_from(site: Site, private: Directories) -> None:
    site.answers["/constraints/upper/2024.1"] = (200, GOOD.encode())
    found = Constraints.model_validate(resolve("official", CARACAL, private, official_url=site.url))
    for kept in (private.cache / "constraints").iterdir():
        kept.unlink()
    assert "oslo.config===9.4.0" in constrained(found, private)
    for kept in (private.cache / "constraints").iterdir():
        kept.unlink()
    site.answers["/constraints/upper/2024.1"] = (200, b"oslo.config===9.4.1\n")
    with pytest.raises(ConstraintsUnavailable, match="not the ones that were planned with"):
        constrained(found, private)


@pytest.mark.parametrize(
    ("status", "body", "shown"),
    [
        (404, b"nothing here", "404"),
        (200, b"<html>Please log in</html>", "Please log in"),
        (200, b"\xff\xfe\x00", "no text"),
        (200, b"", "empty"),
    ],
)
def test_what_is_no_constraints_file_is_refused_with_a_way_out(
    site: Site, private: Directories, status: int, body: bytes, shown: str
) -> None:
    site.answers["/constraints/upper/2024.1"] = (status, body)
    with pytest.raises(ConstraintsUnavailable) as caught:
        resolve("official", CARACAL, private, official_url=site.url)
    assert shown in caught.value.evidence
    assert caught.value.exit_status == 4
    assert "as-of-release" in caught.value.next_command


def test_an_address_where_nobody_listens_is_named(site: Site, private: Directories) -> None:
    site.server.server_close()
    with pytest.raises(ConstraintsUnavailable) as caught:
        resolve("official", CARACAL, private, official_url="http://127.0.0.1:1/upper")
    assert "http://127.0.0.1:1/upper/2024.1: " in caught.value.evidence
    assert "refused" in caught.value.evidence


def test_a_template_names_one_file_for_each_series(tmp_path: Path, private: Directories) -> None:
    (tmp_path / "2024.1.txt").write_text(GOOD, encoding="utf-8")
    found = resolve(str(tmp_path / "{series}.txt"), CARACAL, private)
    assert found["kind"] == "file"
    assert found["location"] == str(tmp_path / "2024.1.txt")
    with pytest.raises(ConstraintsUnavailable, match=r"2024\.2") as caught:
        resolve(str(tmp_path / "{series}.txt"), series_list().find("2024.2"), private)
    assert "No such file" in caught.value.evidence


@pytest.mark.parametrize("name", ["{series}", "mirror/{series}/upper-constraints.txt?plain=1", "one-for-all.txt"])
def test_an_address_of_ones_own_is_fetched_like_the_official_one(site: Site, private: Directories, name: str) -> None:
    path = "/constraints/upper/" + name.replace("{series}", "2024.1")
    site.answers[path] = (200, GOOD.encode())
    found = Constraints.model_validate(resolve(site.url + name, CARACAL, private))
    assert (found.kind, found.location) == ("url", site.url.replace("/constraints/upper/", path))
    assert constrained(found, private)[0:2] == ("# comment", "oslo.config===9.4.0")
    for kept in (private.cache / "constraints").iterdir():
        kept.unlink()
    assert "oslo.config===9.4.0" in constrained(found, private)
    assert site.asked == [path, path]


def test_official_constraints_and_those_of_an_address_are_pinned_alike() -> None:
    for series in series_list():
        assert pins(series.id, "official") == pins(series.id, "url") == pins(series.id, "file")


def test_an_address_that_fails_is_refused_like_the_official_one(site: Site, private: Directories) -> None:
    with pytest.raises(ConstraintsUnavailable) as caught:
        resolve(f"{site.url}{{series}}", CARACAL, private)
    assert f"{site.url}2024.1: 404" in caught.value.evidence


def test_a_password_in_an_address_is_refused_as_it_would_stand_in_the_plan(private: Directories) -> None:
    with pytest.raises(PasswordOnCommandLine) as caught:
        resolve("https://reader:opensesame@127.0.0.1:1/{series}", CARACAL, private)
    assert "opensesame" not in str(caught.value.as_data())


def test_the_same_content_has_the_same_digest_wherever_it_is_from(
    tmp_path: Path, site: Site, private: Directories
) -> None:
    site.answers["/constraints/upper/2024.1"] = (200, GOOD.encode())
    (tmp_path / "mine.txt").write_text(GOOD, encoding="utf-8")
    official = resolve("official", CARACAL, private, official_url=site.url)
    assert official["digest"] == resolve(str(tmp_path / "mine.txt"), CARACAL, private)["digest"]


def test_as_of_release_looks_at_nothing_younger_than_the_series_but_a_point_release_and_the_pins(
    private: Directories,
) -> None:
    bobcat = series_list().find("2023.2")
    constraints = Constraints.model_validate(resolve("as-of-release", bobcat, private))
    found = select(constraints, bobcat, bobcat.newest("keystone"), "keystone", private)
    assert found.options[:2] == ("--exclude-newer", "2023-10-05T00:00:00Z")
    assert "keystone=2025-03-01T00:00:00Z" in found.options
    assert "SQLAlchemy<2" in found.constrain
    first = select(constraints, bobcat, bobcat.services["keystone"][0], "keystone", private)
    assert not [option for option in first.options if option.startswith("keystone=")]


def test_as_of_release_drifts_when_the_pins_do(private: Directories) -> None:
    found = Constraints.model_validate(resolve("as-of-release", CARACAL, private))
    with pytest.raises(ConstraintsUnavailable):
        constrained(found.model_copy(update={"digest": "sha256:0"}), private)


def test_every_pin_and_every_known_fault_reads_well() -> None:
    for series in series_list():
        for pin in pins(series.id, "as-of-release"):
            assert pin.package
            assert pin.requirement.startswith(pin.package)
    assert {pin.requirement for pin in pins("2026.2", "official")} == set()
    assert all(fault.meaning for fault in build_faults())
