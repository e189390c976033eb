"""Rows that a release's online data migrations would move: Onward finds what the real command finds, and no other."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from real_services import CELL, RealService, real_service

from onward.checks.finding import Finding
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.state import Directories
from onward.survey.checks.online_migrations import CHECK

FAKE = "00000000-0000-0000-0000-000000000000"
CREATED = "2026-01-01 00:00:00"

pytestmark = pytest.mark.environments


def left(findings: list[Finding]) -> dict[str, Finding]:
    """Findings that do not pass, by the function that they are about."""
    named = {each.details.rpartition("(")[0] and each.details.split("(")[1].split(")")[0]: each for each in findings}
    return {name: each for name, each in named.items() if each.result != "pass"}


def migrate(service: RealService) -> str:
    """Run the real command until it has nothing left to do; what it printed."""
    outcome = service.manage("db", "online_data_migrations")
    assert outcome.exit_status == 0, outcome.output()
    return outcome.output()


FULL = (pytest.mark.full, pytest.mark.mariadb)


@pytest.fixture(scope="module")
def on_mariadb(
    mariadb: PrivateMariadb, tmp_path_factory: pytest.TempPathFactory, service_environment: Callable[[str, str], Path]
) -> Callable[[str, str], AbstractContextManager[RealService]]:
    """A service on the private server; Onward reads it with a user who may do nothing else."""
    return lambda service, series: real_service(
        service, series, tmp_path_factory.mktemp(service), service_environment, mariadb
    )


@pytest.fixture(
    scope="module",
    params=[
        ("2023.1", "sqlite"),
        pytest.param(("2026.2", "mariadb"), marks=FULL),
    ],
    ids="-".join,
)
def cinder(request: Any, real_services: Callable[[str, str], RealService]) -> Iterator[RealService]:
    series, kind = request.param
    if kind == "sqlite":
        yield real_services("cinder", series)
    else:
        with request.getfixturevalue("on_mariadb")("cinder", series) as made:
            yield made


def plant_cinder(cinder: RealService) -> set[str]:
    """Rows that the release would move, and others that it would not; the functions that have something to do."""
    cinder.plant("cinder", "volume_types", id="type", name="type", deleted=0)
    volume = {"volume_type_id": "type", "created_at": CREATED}
    if cinder.series == "2023.1":
        cinder.plant("cinder", "volumes", id="v1", deleted=0, **volume)
        cinder.plant("cinder", "volumes", id="v2", deleted=0, use_quota=1, **volume)
        cinder.plant("cinder", "volumes", id="v3", deleted=1, **volume)
        cinder.plant("cinder", "snapshots", id="s1", volume_id="v2", deleted=0, volume_type_id="type")
        return {"volume_use_quota_online_data_migration", "snapshot_use_quota_online_data_migration"}
    cinder.plant("cinder", "volumes", id="v1", deleted=0, use_quota=1, **volume)
    mark = {"volume_id": "v1", "value": "True"}
    cinder.plant("cinder", "volume_admin_metadata", key="temporary", deleted=0, **mark)
    cinder.plant("cinder", "volume_admin_metadata", key="readonly", deleted=0, **mark)
    cinder.plant("cinder", "volume_admin_metadata", key="temporary", deleted=1, **mark)
    return {"remove_temporary_admin_metadata_data_migration"}


def test_cinder_finds_the_rows_that_its_own_command_moves_and_none_afterwards(
    cinder: RealService, directories: Directories
) -> None:
    (fresh,) = cinder.findings(CHECK, directories)
    assert (fresh.result, fresh.about) == ("pass", f"cinder {cinder.series}")
    functions = plant_cinder(cinder)
    found = left(cinder.findings(CHECK, directories, "2026.2"))
    assert set(found) == functions
    assert {each.result for each in found.values()} == {"fail"}
    assert all(f": 1 ({name})" in each.details for name, each in found.items())
    assert {each.way_out for each in found.values()} == {"cinder-manage db online_data_migrations"}
    assert {each.result for each in left(cinder.findings(CHECK, directories)).values()} == {"warn"}
    printed = migrate(cinder)
    assert all(f"1 rows matched query {name}" in printed for name in functions)
    assert left(cinder.findings(CHECK, directories, "2026.2")) == {}


@pytest.fixture(
    scope="module",
    params=[
        ("2026.2", "sqlite"),
        pytest.param(("2023.1", "mariadb"), marks=FULL),
    ],
    ids="-".join,
)
def nova(request: Any, real_services: Callable[[str, str], RealService]) -> Iterator[RealService]:
    series, kind = request.param
    if kind == "sqlite":
        yield real_services("nova", series)
    else:
        with request.getfixturevalue("on_mariadb")("nova", series) as made:
            yield made


def instance(nova: RealService, uuid: str, **values: Any) -> None:
    told = {"created_at": CREATED, "deleted": 0, "project_id": "p", "user_id": "u", "availability_zone": "nova"}
    nova.plant("cell1", "instances", uuid=uuid, **{**told, **values})


def plant_nova(nova: RealService) -> set[str]:
    """The same for nova, in its cell and in the API's database."""
    node = {"vcpus": 1, "memory_mb": 1, "local_gb": 1, "vcpus_used": 0, "memory_mb_used": 0, "local_gb_used": 0}
    node |= {"hypervisor_type": "fake", "hypervisor_version": 1, "cpu_info": "", "host": "cmp1", "deleted": 0}
    ratios = {"ram_allocation_ratio": 1.5, "cpu_allocation_ratio": 16.0, "disk_allocation_ratio": 1.0}
    nova.plant("cell1", "compute_nodes", hypervisor_hostname="n1", uuid="node-1", **node, **ratios)
    nova.plant("cell1", "compute_nodes", hypervisor_hostname="n2", uuid="node-2", **node)
    for table, values in {
        "quotas": {"project_id": "p", "resource": "cores", "hard_limit": 7},
        "project_user_quotas": {"project_id": "p", "user_id": "u", "resource": "cores", "hard_limit": 7},
        "quota_classes": {"class_name": "acme", "resource": "cores", "hard_limit": 7},
    }.items():
        nova.plant("cell1", table, deleted=0, created_at=CREATED, **values)
        nova.plant("cell1", table, deleted=1, created_at=CREATED, **{**values, "resource": "ram"})
    nova.plant("cell1", "migrations", deleted=0, status="done", migration_type="resize")
    nova.plant("cell1", "migrations", deleted=0, status="done", migration_type="resize", uuid="m-2")
    on = {"host": "cmp1", "node": "n1"}
    has_node = {"compute_id": 1} if nova.series != "2023.1" else {}
    instance(nova, "i-zone", availability_zone=None, **on, **has_node)
    instance(nova, "i-node", **on)
    instance(nova, "i-never-scheduled", availability_zone=None)
    instance(nova, "i-lost-node", host="cmp1", node="gone")
    instance(nova, "i-vif", **on, **has_node)
    # Its function makes this one for its marker, in two transactions at once, which SQLite has not.
    instance(nova, FAKE, project_id=FAKE, user_id=FAKE, deleted=1)
    instance(nova, "i-deleted", deleted=9, **on, **has_node)
    network = '[{"id": "port-1", "address": "fa:16:3e:00:00:01"}]'
    nova.plant("cell1", "instance_info_caches", instance_uuid="i-vif", network_info=network, deleted=0)
    nova.plant("cell1", "instance_info_caches", instance_uuid="i-zone", network_info="[]", deleted=0)
    nova.plant(
        "cell1", "instance_info_caches", instance_uuid="i-node", network_info=network.replace("-1", "-2"), deleted=0
    )
    nova.plant(
        "cell1", "virtual_interfaces", instance_uuid="i-node", uuid="port-2", address="x", deleted=0, created_at=CREATED
    )
    disk = {"instance_uuid": "i-vif", "deleted": 0}
    nova.plant("cell1", "block_device_mapping", **disk)
    nova.plant("cell1", "block_device_mapping", uuid="b-2", **disk)
    device = {"compute_node_id": 1, "product_id": "p", "vendor_id": "v", "dev_type": "type-PCI", "status": "available"}
    nova.plant("cell1", "pci_devices", address="0:1", dev_id="d1", label="l", deleted=0, extra_info="{}", **device)
    (cell,) = nova.rows("api", "SELECT id FROM cell_mappings WHERE name = :name", name=CELL)
    mapping = {"project_id": "p", "cell_id": cell[0]}
    nova.plant("api", "instance_mappings", instance_uuid="i-vif", queued_for_delete=0, **mapping)
    nova.plant("api", "instance_mappings", instance_uuid="i-zone", user_id="u", **mapping)
    nova.plant("api", "instance_mappings", instance_uuid="i-unmapped", project_id="p", queued_for_delete=0)
    functions = {
        "migrate_quota_limits_to_api_db",
        "migrate_quota_classes_to_api_db",
        "migration_migrate_to_uuid",
        "populate_uuids",
        "populate_missing_availability_zones",
        "populate_queued_for_delete",
        "migrate_empty_ratio",
        "fill_virtual_interface_list",
        "populate_user_id",
        "populate_dev_uuids",
    }
    return functions | ({"populate_instance_compute_id"} if nova.series != "2023.1" else set())


def test_nova_finds_the_rows_that_its_own_command_moves_and_none_afterwards(
    nova: RealService, directories: Directories
) -> None:
    assert left(nova.findings(CHECK, directories, "2026.2")) == {}
    functions = plant_nova(nova)
    found = nova.findings(CHECK, directories, "2026.2")
    assert set(left(found)) == functions
    assert all(
        f" in {CELL}: 1 (" in each.details or " in [api_database] connection: 1 (" in each.details for each in found
    )
    assert left(found)["migrate_empty_ratio"].way_out.endswith(f"# where [database] connection is that of {CELL}")
    may_stay = {"fill_virtual_interface_list", "populate_user_id"}
    assert {each.result for name, each in left(found).items() if name in may_stay} == {"warn"}
    assert {each.result for name, each in left(found).items() if name not in may_stay} == {"fail"}
    printed = nova.in_cell(lambda: migrate(nova))
    assert all(f"matched query {name}" in printed for name in functions), printed
    assert left(nova.findings(CHECK, directories, "2026.2")) == {}


def test_a_schema_that_is_not_the_series_could_not_be_told(nova: RealService, directories: Directories) -> None:
    nova.rows("cell1", "ALTER TABLE pci_devices RENAME TO away")
    try:
        found = left(nova.findings(CHECK, directories))
    finally:
        nova.rows("cell1", "ALTER TABLE away RENAME TO pci_devices")
    assert {name: each.result for name, each in found.items()} == {"populate_dev_uuids": "could-not-tell"}
    assert "pci_devices" in found["populate_dev_uuids"].details


@pytest.mark.full
def test_placement_finds_the_rows_that_its_own_command_moves(
    tmp_path: Path, service_environment: Callable[[str, str], Path], directories: Directories
) -> None:
    with real_service("placement", "2026.2", tmp_path / "placement", service_environment) as placement:
        assert left(placement.findings(CHECK, directories, "2026.2")) == {}
        placement.plant("placement", "resource_providers", id=1, uuid="rp-1", name="rp", generation=0)
        placement.plant(
            "placement", "allocations", resource_provider_id=1, consumer_id="gone", resource_class_id=1, used=1
        )
        found = left(placement.findings(CHECK, directories, "2026.2"))
        assert set(found) == {"set_root_provider_ids", "create_incomplete_consumers"}
        migrate(placement)
        assert left(placement.findings(CHECK, directories, "2026.2")) == {}


def test_the_command_looks_at_services_data_and_options_of_nova_and_changes_nothing(
    real_services: Callable[[str, str], RealService], onward: Callable[..., Any]
) -> None:
    nova = real_services("nova", "2026.2")
    nova.describe()
    before = {path.name: path.read_bytes() for path in nova.directory.glob("*.db")}
    called = onward("check", "--cloud", nova.cloud_file, "-f", "json")
    found = {each["Check"]: each for each in json.loads(called.out)}
    assert found["online data migrations"]["Result"] == "pass"
    assert found["online data migrations"]["About"] == "nova 2026.2"
    assert found["services reporting"]["Result"] == "not-checked"
    assert found["option values"]["Result"] == "pass"
    assert {path.name: path.read_bytes() for path in nova.directory.glob("*.db")} == before
