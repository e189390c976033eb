"""The URLs of a real Keystone's catalogue: each fault is found and named, and what is well gives no warning."""

import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from checked_keystone import PASSWORD, Keystone, posted, token
from endpoint_faults import FAULTS, SKEWS, TEMPLATE, UNFILLED
from faults_page import FaultsPage, Row
from web_servers import Authority, web_server

from onward.catalog.load import endpoint_names_gone, in_force, recipe
from onward.checks.endpoints import Endpoint, template_findings
from onward.hosts.runner import ServedApi

pytestmark = pytest.mark.environments

PAGE = FaultsPage(
    Path(__file__).parents[5] / "docs" / "reference" / "faults-endpoints.md",
    "Faults of endpoints",
    "Each of these was put into the catalogue of a real Keystone, and looked at by `onward check`. The servers are\n"
    "processes with a certificate, a clock or an answer of their own; `10.0.0.N` stands for where they are. Besides\n"
    "what is named, nothing was found. Its test writes this page.",
)
NAMES = ("endpoint", "endpoint template", "certificate", "clock")


class Catalogue:
    """The catalogue of a Keystone that answers, to be added to."""

    def __init__(self, database: Path, api: ServedApi) -> None:
        self._database = database
        self.api = api

    def add(self, name: str, url: str, interface: str = "public", region: str = "RegionOne") -> None:
        """As the API does it; two of its workers may lock each other out of SQLite."""
        service, endpoint = uuid4().hex, uuid4().hex
        with closing(sqlite3.connect(self._database, timeout=60)) as connection:
            connection.execute(
                "INSERT INTO service (id, type, enabled, extra) VALUES (?, ?, 1, ?)",
                (service, f"{name}-type", json.dumps({"name": name})),
            )
            connection.execute(
                "INSERT OR IGNORE INTO region (id, description, extra) VALUES (?, '', '{}')",
                (region,),
            )
            connection.execute(
                "INSERT INTO endpoint (id, interface, service_id, url, extra, enabled, region_id)"
                " VALUES (?, ?, ?, ?, '{}', 1, ?)",
                (endpoint, interface, service, url, region),
            )
            connection.commit()

    def register(self, name: str, url: str) -> None:
        """With the API, which looks at the URL."""
        administrator = token(self.api)
        service = {"service": {"name": name, "type": f"{name}-type"}}
        identifier = posted(self.api, "/services", service, administrator).json()["service"]["id"]
        endpoint = {"service_id": identifier, "interface": "public", "url": url, "region_id": "RegionOne"}
        posted(self.api, "/endpoints", {"endpoint": endpoint}, administrator)


@pytest.fixture
def catalogue(keystone: Keystone, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalogue]:
    keystone.write(identity={})
    with keystone.served() as api:
        words = {"USERNAME": "admin", "PASSWORD": PASSWORD, "PROJECT_NAME": "admin", "AUTH_URL": f"{api.url}/v3"}
        for name, value in words.items():
            monkeypatch.setenv(f"OS_{name}", value)
        yield Catalogue(keystone.database, api)


@pytest.fixture
def check(keystone: Keystone, onward: Callable[..., Any]) -> Callable[..., list[dict[str, str]]]:
    """``onward check``: its findings on endpoints."""

    def call(*words: str, cloud_file: Path = keystone.cloud_file) -> list[dict[str, str]]:
        called = onward("check", "--cloud", cloud_file, *words, "-f", "json")
        assert PASSWORD not in called.out + called.err
        return [each for each in json.loads(called.out) if each["Check"] in NAMES]

    return call


def test_what_is_well_gives_no_warning(
    catalogue: Catalogue, check: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Authority(tmp_path / "authority")
    issuing = Authority(root.directory, "Example Issuing CA", above=root)
    monkeypatch.setenv("OS_CACERT", str(root.file))
    with (
        web_server(300) as versions,
        web_server(401, issuing.chained(issuing.certificate("well", days=400))) as secured,
    ):
        catalogue.add("placement", f"{versions}/v2.1/%(project_id)s")
        catalogue.add("barbican", secured, "internal")
        catalogue.add("glance", f"{secured}/image", region="RegionTwo")
        found = check()
        assert {each["Result"] for each in found} == {"pass"}, found
        told = {each["Check"]: each["Details"] for each in found}
        assert told["endpoint"] == "6 of 6 URLs of the catalogue answer"
        assert told["endpoint template"] == "1 of 6 URLs are templates; all can be filled"
        assert told["certificate"] == "1 server: trusted; the first expires in 400 days"
        assert "agree" in told["clock"]


def test_each_fault_is_found_and_named(
    catalogue: Catalogue, check: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Authority(tmp_path / "authority")
    monkeypatch.setenv("OS_CACERT", str(root.file))
    places: dict[str, str] = {}
    with ExitStack() as stack:
        for number, fault in enumerate(FAULTS):
            url = stack.enter_context(fault.made(root))
            places[urlsplit(url).netloc] = f"service{number}"
            catalogue.add(f"service{number}", url, fault.interface, fault.region)
        catalogue.register(f"service{len(FAULTS)}", TEMPLATE)
        found = check()
    seen: dict[str, list[dict[str, str]]] = {}
    for each in found:
        if each["Result"] != "pass":
            name = each["About"].split()[0]
            seen.setdefault(places.get(name, name), []).append(each)

    expected = {f"service{number}": (fault.name, fault.found) for number, fault in enumerate(FAULTS)}
    expected[f"service{len(FAULTS)}"] = (UNFILLED, {"endpoint template": ("fail", "it cannot fill the template")})
    assert set(seen) == set(expected)
    rows: dict[str, list[Row]] = {}
    for service, (name, told) in expected.items():
        assert {each["Check"]: each["Result"] for each in seen[service]} == {
            kind: result for kind, (result, _) in told.items()
        }, name
        assert [each["Details"] for each in seen[service] if told[each["Check"]][1] not in each["Details"]] == [], name
        assert all(each["Way out"] for each in seen[service]), name
        rows[name] = [Row.of(name, each, lambda text: hidden(text, places)) for each in seen[service]]
    for name, seconds in SKEWS.items():
        (said,) = [row.details for row in rows[name]]
        assert abs(int(said.split(" s ")[0].rsplit(" ", 1)[1]) - seconds) <= 2
    PAGE.hold_all(rows)


def hidden(text: str, places: Mapping[str, str]) -> str:
    """What is said, with the same ports in every run."""
    for place, service in places.items():
        if place.startswith("127."):
            text = text.replace(place, f"10.0.0.{int(service.removeprefix('service')) + 1}:443")
    return re.sub(r"127\.0\.0\.1:\d+", "10.0.0.99:443", text)


def test_the_page_names_every_fault_and_no_other() -> None:
    assert PAGE.faults() == [*(fault.name for fault in FAULTS), UNFILLED]


@pytest.mark.parametrize(
    ("url", "shown", "result"),
    [
        ("http://10.0.0.1:8774/v2.1/%(project_id)s", True, "pass"),
        # A token of a domain gets none of these, and a project's catalogue may be a part.
        ("http://10.0.0.1:8774/v2.1/%(project_id)s", False, "pass"),
        ("http://10.0.0.1:8774/v2.1/%(project_id)", False, "fail"),
        ("http://10.0.0.1:8774/a%20space", False, "fail"),
        ("http://10.0.0.1:$(public_port)s/v3", True, "fail"),
    ],
)
def test_a_template_that_cannot_be_filled_now_or_at_the_target_is_named(url: str, shown: bool, result: str) -> None:
    endpoint = Endpoint("nova", "compute", "public", "RegionOne", url, "e1")
    (found,) = template_findings([endpoint], [endpoint] if shown else [], endpoint_names_gone("2024.1"))
    assert found.result == result
    if result == "fail":
        assert found.about == "nova public RegionOne"
        assert "openstack endpoint set --url URL e1" in found.way_out
        assert ("from 2024.1 on, Keystone does not know public_port" in found.details) is shown


@pytest.mark.full
def test_what_is_foreseen_of_a_template_comes_true(
    catalogue: Catalogue,
    check: Callable[..., Any],
    keystone: Keystone,
    keystone_environment: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def template(*words: str, **named: Any) -> dict[str, str]:
        (found,) = [each for each in check(*words, **named) if each["Check"] == "endpoint template"]
        return found

    catalogue.add("nova", "http://10.0.0.1:1$(public_port)s/v2.1")
    assert template()["Result"] == "pass"
    foreseen = template("--to", "2024.1")
    assert foreseen["Result"] == "fail"
    assert "from 2024.1 on, Keystone does not know public_port" in foreseen["Details"]

    later = Keystone(keystone.directory.with_name("later"), keystone_environment("2024.1"), "2024.1")
    shutil.copytree(keystone.directory, later.directory)
    later.write(identity={})
    with later.runner() as runner:
        for command in in_force(recipe("keystone").offline, later.series):
            log = later.directory / f"{command.name}.log"
            outcome = runner.run(command, configuration=[later.configuration], log=log)
            assert outcome.exit_status == 0, outcome.tail()
    with later.served() as api:
        monkeypatch.setenv("OS_AUTH_URL", f"{api.url}/v3")
        now = template(cloud_file=later.cloud_file)
    assert now["Result"] == "fail"
    assert "Keystone leaves it out of the catalogue" in now["Details"]


@pytest.mark.parametrize(("series", "names"), [("2023.2", 0), ("2024.1", 4), ("2026.2", 4)])
def test_the_names_that_went_are_known_by_series(series: str, names: int) -> None:
    assert len(endpoint_names_gone(series)) == names
