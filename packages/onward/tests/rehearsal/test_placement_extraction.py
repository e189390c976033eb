"""Placement gets a database of its own: what Rocky's own code has put into Nova's is found in Train's."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from rehearsing import Operator
from services import Environment, Server, server

from onward.catalog.service import Application
from onward.hosts.mariadb_client import save_dump
from onward.hosts.runner import warm_runner

pytestmark = [pytest.mark.full, pytest.mark.mariadb, pytest.mark.environments, pytest.mark.timeout(2400)]

OLD_API = Application(module="nova.api.openstack.placement.wsgi", attribute="init_application", call=True)
PROVIDERS = [f"{number:08d}-1111-4111-8111-111111111111" for number in range(12)]
CONSUMERS = [f"{number:08d}-2222-4222-8222-222222222222" for number in range(8)]
AGGREGATE = "00000000-3333-4333-8333-333333333333"
SHOWN = ("allocations", "consumers", "inventories", "resource_provider_aggregates", "resource_provider_traits")


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Server]:
    with server(tmp_path) as started:
        yield started


class Placement:
    """Somebody who uses the old API, as nova-compute does."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers.update(
            {"X-Auth-Token": "admin", "OpenStack-API-Version": "placement 1.28", "Accept": "application/json"}
        )

    def call(self, method: str, path: str, body: object) -> None:
        answer = self._session.request(method, f"{self._url}{path}", json=body, timeout=60)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"

    def fill(self) -> None:
        self.call("POST", "/resource_classes", {"name": "CUSTOM_BAREMETAL"})
        self.call("PUT", "/traits/CUSTOM_KEPT", None)
        for number, uuid in enumerate(PROVIDERS):
            parent = {"parent_provider_uuid": PROVIDERS[0]} if number in (1, 2) else {}
            self.call("POST", "/resource_providers", {"uuid": uuid, "name": f"host-{number}", **parent})
            inventories = {"VCPU": {"total": 16}, "MEMORY_MB": {"total": 4096}, "CUSTOM_BAREMETAL": {"total": 1}}
            body = {"resource_provider_generation": 0, "inventories": inventories}
            self.call("PUT", f"/resource_providers/{uuid}/inventories", body)
            traits = {"resource_provider_generation": 1, "traits": ["CUSTOM_KEPT", "HW_CPU_X86_VMX"]}
            self.call("PUT", f"/resource_providers/{uuid}/traits", traits)
            aggregates = {"resource_provider_generation": 2, "aggregates": [AGGREGATE]}
            self.call("PUT", f"/resource_providers/{uuid}/aggregates", aggregates)
        for number, consumer in enumerate(CONSUMERS):
            body = {
                "allocations": {PROVIDERS[number]: {"resources": {"VCPU": 2, "MEMORY_MB": 512}}},
                "project_id": f"project-{number % 3}",
                "user_id": f"user-{number % 2}",
                "consumer_generation": None,
            }
            self.call("PUT", f"/allocations/{consumer}", body)


def test_every_inventory_allocation_and_trait_of_rocky_arrives_in_a_database_of_its_own(
    databases: Server, service_environment: Environment, operator: Operator, tmp_path: Path
) -> None:
    for each in ("stein", "train"):
        service_environment("placement", each)
    python = service_environment("nova", "rocky")
    file = databases.configured("nova", {("api_database", "connection"): "nova_api"})
    file.write_text(f"[api]\nauth_strategy = noauth2\n{file.read_text()}")
    argv = [python.with_name("nova-manage"), "--config-file", file, "api_db", "sync"]
    synced = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert synced.returncode == 0, synced.stdout + synced.stderr
    log = tmp_path / "nova.log"
    with (
        warm_runner(python, (OLD_API.module, "pymysql"), log, {}) as runner,
        runner.serve(
            OLD_API, configuration=[file], log=log, environment={"OS_PLACEMENT_CONFIG_DIR": str(file.parent)}
        ) as api,
    ):
        Placement(api.url).fill()
    # As Ocata and Pike left them, and as Train refuses them.
    databases.sql(
        "nova_api",
        f"DELETE FROM consumers WHERE uuid = '{CONSUMERS[0]}'",
        f"UPDATE resource_providers SET root_provider_id = NULL WHERE uuid = '{PROVIDERS[11]}'",
    )
    dump = tmp_path / "nova_api.sql"
    save_dump(databases.mariadb.url("nova_api"), dump)

    refused = operator.call("rehearse", "--dump", f"placement={dump}", "--to", "train")
    assert refused.status == 4
    assert "--from stein" in refused.err
    ended = operator.call("rehearse", "--dump", f"placement={dump}", "--from", "rocky", "--to", "train", "--keep")
    assert ended.status == 0, ended.out[-4000:] + ended.err[-3000:]
    said = " ".join(ended.out.split())
    assert "No row is missing or different" in said
    assert "tables into a database of their own" in said

    workspace = operator.workspace()
    steps = {each["id"]: each for each in operator.report()["steps"]}
    before = json.loads((workspace / steps["census/rocky"]["evidence"]["databases"]["placement"]["census"]).read_text())
    assert {name: before[name]["rows"] for name in SHOWN} == {
        "allocations": 16,
        "consumers": 7,
        "inventories": 36,
        "resource_provider_aggregates": 12,
        "resource_provider_traits": 24,
    }
    assert not {"flavors", "cell_mappings"} & set(before)
    documented = " ".join(steps["census/train"]["evidence"]["documented"])
    assert "root of its own" in documented
    assert "consumer was not recorded" in documented


def test_a_dump_of_something_else_is_refused(databases: Server, operator: Operator, tmp_path: Path) -> None:
    databases.configured("other", {("database", "connection"): "other"})
    databases.sql("other", "CREATE TABLE flavors (id INT PRIMARY KEY)")
    dump = tmp_path / "other.sql"
    save_dump(databases.mariadb.url("other"), dump)
    refused = operator.call("rehearse", "--dump", f"placement={dump}", "--from", "rocky", "--to", "train")
    assert refused.status == 4
    assert "resource_providers" in refused.err
