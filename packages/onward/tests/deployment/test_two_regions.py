"""Two regions, really: the second uses Keystone and the database of the first, and leaves nothing there."""

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymysql
import pytest
import requests
from browsing import logged_in
from deploying import Operator

from onward.hosts.leftovers import processes_of
from onward.hosts.user import own_name

REGIONS = Path(__file__).parents[4] / "examples" / "two-regions"


class Administrator:
    """Somebody with the administrator's password of Keystone in region one."""

    def __init__(self, operator: Operator) -> None:
        store = operator.store("region-one")
        self._operator = operator
        self._addresses = store.record()["addresses"]
        self._password = store.secrets()["keystone/admin-password"]

    def log_in(self) -> requests.Response:
        domain = {"id": "default"}
        user = {"name": "admin", "domain": domain, "password": self._password}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": "admin", "domain": domain}}
        url = f"http://{self._addresses['haproxy public']}:5000/v3/auth/tokens"
        answer = requests.post(url, json={"auth": {"identity": identity, "scope": scope}}, timeout=60)
        assert answer.status_code == 201, answer.text
        return answer

    @property
    def token(self) -> dict[str, str]:
        return {"X-Auth-Token": self.log_in().headers["X-Subject-Token"]}

    def catalogue(self) -> dict[tuple[str, str], str]:
        """The public URL of each service, by region and type."""
        listed: list[dict[str, Any]] = self.log_in().json()["token"]["catalog"]
        return {
            (end["region"], service["type"]): end["url"]
            for service in listed
            for end in service["endpoints"]
            if end["interface"] == "public"
        }

    def names(self, kind: str) -> set[str]:
        url = f"http://{self._addresses['haproxy public']}:5000/v3/{kind}"
        listed = requests.get(url, headers=self.token, timeout=60).json()[kind]
        return {each.get("name", each["id"]) for each in listed}

    def providers(self, region: str) -> set[str]:
        """Names of the resource providers that Placement of a region knows."""
        url = f"{self.catalogue()[region, 'placement']}/resource_providers"
        answer = requests.get(url, headers=self.token, timeout=60)
        assert answer.status_code == 200, answer.text
        return {each["name"] for each in answer.json()["resource_providers"]}

    def enter_provider(self, region: str, name: str) -> None:
        url = f"{self.catalogue()[region, 'placement']}/resource_providers"
        answer = requests.post(url, json={"name": name}, headers=self.token, timeout=60)
        assert answer.ok, answer.text

    def at_database(self, statement: str) -> set[str]:
        store = self._operator.store("region-one")
        socket = Path(store.record()["sockets"]) / "mariadb-0.sock"
        with pymysql.connect(unix_socket=str(socket), user=own_name()) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return {str(row[0]) for row in cursor.fetchall()}


@pytest.mark.full
@pytest.mark.mariadb
@pytest.mark.environments
@pytest.mark.timeout(1200)
def test_a_second_region_shares_keystone_and_the_database_and_leaves_nothing_there(module_operator: Operator) -> None:
    operator = module_operator
    operator.must("deploy", REGIONS / "region-one.yaml")
    administrator = Administrator(operator)
    before = {kind: administrator.names(kind) for kind in ("users", "services", "regions", "projects")}
    catalogue = administrator.catalogue()
    databases = administrator.at_database("SHOW DATABASES")

    operator.must("deploy", REGIONS / "region-two.yaml")
    found, addresses = administrator.catalogue(), operator.store("region-two").record()["addresses"]
    second = {service: url for (region, service), url in found.items() if region == "RegionTwo"}
    assert {place: url for place, url in found.items() if place[0] != "RegionTwo"} == catalogue
    assert set(second) == {service for _, service in catalogue}
    assert second.pop("identity") == catalogue["RegionOne", "identity"]
    assert {urlsplit(url).hostname for url in second.values()} == {addresses["haproxy public"]}
    people = {kind: administrator.names(kind) for kind in ("users", "projects")}
    computes = {region: administrator.providers(region) for region in ("RegionOne", "RegionTwo")}
    administrator.enter_provider("RegionTwo", "compute-in-two")
    assert administrator.providers("RegionTwo") - computes["RegionTwo"] == {"compute-in-two"}
    assert administrator.providers("RegionOne") == computes["RegionOne"]
    new = administrator.at_database("SHOW DATABASES") - databases
    assert len(new) > 5
    assert {name for name in new if not name.endswith("__region_two")} == set()
    assert "Nothing was changed." in operator.must("deploy", REGIONS / "region-two.yaml")
    assert "Nothing was changed." in operator.must("deploy", REGIONS / "region-one.yaml")
    smoked_in_both(operator)
    assert {kind: administrator.names(kind) for kind in ("users", "projects")} == people
    no_secret_of_one_is_kept_by_two(operator)
    seen_in_both(operator)

    refused = operator.run("destroy", "region-one", "--dry-run")
    assert (refused.returncode, "OW907" in refused.stderr) == (4, True)

    digest = operator.digest_of_removal("region-two")
    killed = operator.run(
        "destroy", "region-two", "--approve", digest, environment={"ONWARD_CRASH_AT": "grant.withdrawn"}
    )
    assert killed.returncode == -signal.SIGKILL
    operator.destroy("region-two")
    assert administrator.catalogue() == catalogue
    assert {kind: administrator.names(kind) for kind in before} == before
    assert administrator.at_database("SHOW DATABASES") == databases
    assert not {user for user in administrator.at_database("SELECT user FROM mysql.user") if "region_two" in user}
    operator.destroy("region-one")
    assert processes_of(operator.directories.state) == []


def smoked_in_both(operator: Operator) -> None:
    """Used as its users use it, at the same time: the accounts are not the same."""
    with ThreadPoolExecutor(2) as pool:
        for said in pool.map(lambda region: operator.must("smoke", f"region-{region}"), ("one", "two")):
            assert "Used: user, image, inventory, network, server, volume, secret, dashboard." in said


def seen_in_both(operator: Operator) -> None:
    """The overview of a project, at an address in each region, and the other region from there."""
    for model, own, other in (("region-one", "RegionOne", "RegionTwo"), ("region-two", "RegionTwo", "RegionOne")):
        with logged_in(operator, model) as browser:
            for region in (own, other):
                assert browser.region("/project/") == region
                overview = browser.page("/project/").text
                assert "Limit Summary" in overview
                assert "Unable to retrieve" not in overview
                browser.switch(other, "/project/")


def no_secret_of_one_is_kept_by_two(operator: Operator) -> None:
    """Grants are made with the administrators' passwords of the other model, which stay there."""
    secrets = [value.encode() for value in operator.store("region-one").secrets().values()]
    own = operator.store("region-one").directory
    kept = [path for path in operator.directories.state.rglob("*") if path.is_file() and not path.is_relative_to(own)]
    assert len(kept) > 10
    assert [path for path in kept if any(value in path.read_bytes() for value in secrets)] == []
