"""A cloud of several services is rehearsed at once: every database copied, migrated with real code, and compared."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rehearsing import Operator
from services import Environment, Server, make_schema, release, run, server

from onward.catalog.service import Command

pytestmark = [pytest.mark.full, pytest.mark.mariadb, pytest.mark.environments, pytest.mark.timeout(1800)]

CELLS = ("nova", "nova_far")
FLAVOR = (
    "INSERT INTO flavors (name, memory_mb, vcpus, swap, flavorid, rxtx_factor, root_gb, disabled, is_public)"
    " VALUES ('kept', 1, 1, 0, 'kept', 1, 1, 0, 1)"
)


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Server]:
    with server(tmp_path) as started:
        yield started


def nova(databases: Server, environment: Environment, log: Path) -> Path:
    """Nova of 2025.1 with two cells, a flavour, and a server in each cell."""
    first = databases.configured(
        "nova", {("api_database", "connection"): "nova_api", ("database", "connection"): "nova"}
    )
    far = databases.configured(
        "nova", {("api_database", "connection"): "nova_api", ("database", "connection"): "nova_far"}, "far"
    )
    databases.configured("nova", {("database", "connection"): "nova_cell0"}, "cell0")

    def manage(*words: str) -> Command:
        return Command(name="manage", module="nova.cmd.manage", argv=("nova-manage", *words), source="test")

    with release(environment, "nova", "2025.1", log) as runner:
        run(runner, manage("api_db", "sync"), first, log)
        run(runner, manage("cell_v2", "map_cell0", "--database_connection", databases.url("nova_cell0")), first, log)
        run(runner, manage("db", "sync"), first, log)
        run(runner, manage("db", "sync", "--local_cell"), far, log)
        for cell, file in zip(CELLS, (first, far), strict=True):
            words = ("--name", cell, "--transport-url", f"rabbit://u:p@127.0.0.1:1/{cell}")
            url = databases.url(cell)
            run(runner, manage("cell_v2", "create_cell", "--database_connection", url, *words), file, log)
    databases.sql("nova_api", FLAVOR)
    for cell in CELLS:
        uuid = f"11111111-1111-1111-1111-{CELLS.index(cell):012d}"
        databases.sql(cell, f"INSERT INTO instances (uuid, deleted, display_name) VALUES ('{uuid}', 0, 'kept')")
    return first


def test_all_databases_of_several_services_are_copied_migrated_and_compared_and_the_cloud_is_only_read(
    databases: Server, service_environment: Environment, operator: Operator, tmp_path: Path
) -> None:
    files = {"nova": nova(databases, service_environment, tmp_path / "nova.log")}
    files["placement"] = databases.configured("placement", {("placement_database", "connection"): "placement"})
    make_schema(service_environment, "placement", "2025.1", files["placement"], tmp_path / "placement.log")
    databases.sql("placement", "INSERT INTO resource_providers (uuid, name) VALUES (UUID(), 'kept')")
    before = {name: databases.contents(name) for name in (*CELLS, "nova_api", "nova_cell0", "placement")}

    cloud = operator.home / "cloud.yaml"
    cloud.write_text(
        "cloud: kept\nservices:\n"
        + "".join(f"  {name}: {{series: '2025.1', configuration: [{file}]}}\n" for name, file in files.items())
        + "infrastructure: {identity: {ask: false}}\n"
    )
    ended = operator.call("rehearse", "--cloud", cloud, "--to", "2026.1")
    assert ended.status == 0, ended.out + ended.err
    assert "Outage to expect in production" in ended.out

    steps = {each["id"]: each for each in operator.report()["steps"]}
    compared = {name: steps[f"census/{name}/2026.1"]["evidence"]["rows"] for name in files}
    assert compared["placement"] >= 1
    assert compared["nova"] >= 3
    # Nova's own check of each release was run on the copy; what it fails at is what the files do not say.
    for series in ("2025.2", "2026.1"):
        told = {each["name"]: each["result"] for each in steps[f"check/nova/{series}"]["evidence"]["findings"]}
        assert told["Cells v2"] == "pass"
        assert "could-not-tell" not in told.values()
    failing = {each["name"] for each in operator.report()["findings"] if each["level"] == "fail"}
    assert {name.partition(" (")[0] for name in failing} <= {"Placement API", "Service User Token Configuration"}
    migrated = {command["name"] for command in steps["migrate/nova/2026.1"]["evidence"]["commands"]}
    assert migrated == {"api_db sync", "db sync", "db sync --local_cell"}
    moved = {command["name"] for command in steps["finish/nova/2026.1"]["evidence"]["commands"]}
    assert {"online_data_migrations", "online_data_migrations of a cell"} <= moved
    assert [each["name"] for each in steps["copy/nova"]["evidence"]["databases"]] == [
        "nova",
        "nova_api",
        "nova_cell0",
        "nova_far",
    ]
    assert {part["label"] for part in operator.report()["prediction"]["parts"]} == {"nova", "placement"}
    # The list of cells, copied as it is, would have led every release to the cloud's own databases.
    assert {name: databases.contents(name) for name in before} == before
    assert not (operator.workspace() / "scratch" / "nova").exists()


def test_what_cannot_be_rehearsed_is_refused_before_anything_is_copied(databases: Server, operator: Operator) -> None:
    file = databases.configured("placement", {("placement_database", "connection"): "placement"})
    cloud = operator.home / "cloud.yaml"
    cloud.write_text(f"cloud: kept\nservices:\n  placement: {{configuration: [{file}]}}\n")
    ended = operator.call("rehearse", "--cloud", cloud, "--to", "2026.1")
    assert ended.status == 4
    assert re.search(r"services\.placement\.series", ended.err)
    ended = operator.call("rehearse", "--cloud", cloud, "--from", "2026.1", "--to", "2026.1")
    assert ended.status == 4
    assert "is behind the target" in " ".join(ended.err.split())
