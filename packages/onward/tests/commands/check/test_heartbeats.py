"""Processes that report to a database, or no longer do: in the schemas that nova and cinder make themselves."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mariadb_data import sql
from real_services import CELL, RealService, ago

from onward.catalog.load import recipe
from onward.checks.finding import Finding
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.runner import clean_environment
from onward.hosts.state import Directories
from onward.survey.checks.check import Check
from onward.survey.checks.heartbeats import heartbeats

CHECK = Check("heartbeats", heartbeats, each_service=True)

pytestmark = pytest.mark.environments


@pytest.fixture
def nova(real_services: Callable[[str, str], RealService]) -> RealService:
    return real_services("nova", "2026.2")


@pytest.fixture
def empty(nova: RealService) -> Iterator[RealService]:
    """Nova without any process."""
    yield nova
    nova.write()
    for cell in ("cell0", "cell1"):
        nova.rows(cell, "DELETE FROM services")


def compute(nova: RealService, host: str, seen: float = 0, **values: object) -> None:
    """A row of a compute that was seen so many seconds ago."""
    told = {"binary": "nova-compute", "topic": "compute", "report_count": 7, "disabled": 0, "forced_down": 0}
    told |= {
        "deleted": 0,
        "version": 74,
        "uuid": f"uuid-of-{host}",
        "created_at": ago(999999),
        "last_seen_up": ago(seen),
    }
    nova.plant("cell1", "services", host=host, **{**told, **values})


def by_name(findings: list[Finding]) -> dict[str, list[Finding]]:
    named: dict[str, list[Finding]] = {}
    for each in findings:
        named.setdefault(each.name, []).append(each)
    return named


def test_who_reports_passes_in_every_cell(empty: RealService, directories: Directories) -> None:
    compute(empty, "cmp1")
    compute(empty, "cmp2", 50)
    empty.plant(
        "cell0",
        "services",
        host="ctl",
        binary="nova-scheduler",
        report_count=1,
        deleted=0,
        last_seen_up=ago(0),
        version=74,
    )
    # The API registers, and does not report.
    empty.plant("cell0", "services", host="ctl", binary="nova-osapi_compute", report_count=0, deleted=0, version=74)
    compute(empty, "removed", 999999, deleted=1)
    found = empty.findings(CHECK, directories, "2026.2")
    assert {each.result for each in found} == {"pass"}
    assert by_name(found)["services reporting"][0].details == "in time: 2 nova-compute, 1 nova-scheduler"


def test_a_process_that_is_down_and_one_with_a_wrong_clock_fail_and_name_the_host(
    empty: RealService, directories: Directories
) -> None:
    compute(empty, "cmp1", 300)
    compute(empty, "cmp2", -900)
    compute(empty, "cmp3")
    found = by_name(empty.findings(CHECK, directories))
    down = {each.about: each for each in found["services down"]}
    assert {each.result for each in down.values()} == {"fail"}
    assert set(down) == {"cmp1", "cmp2"}
    assert down["cmp1"].details == "nova-compute was last seen 5 min ago; after 60 s it counts as down"
    assert "15 min ahead" in down["cmp2"].details
    assert found["services reporting"][0].details == "in time: 1 nova-compute"


def test_the_time_that_the_configuration_gives_counts(empty: RealService, directories: Directories) -> None:
    compute(empty, "cmp1", 300)
    empty.configuration.write_text(
        empty.configuration.read_text().replace("[DEFAULT]", "[DEFAULT]\nservice_down_time=600")
    )
    assert {each.result for each in empty.findings(CHECK, directories)} == {"pass"}


def test_who_was_left_behind_is_a_warning_with_the_command_that_removes_it(
    empty: RealService, directories: Directories
) -> None:
    compute(empty, "cmp1")
    compute(empty, "cmp9", 30 * 86400)
    (stale,) = by_name(empty.findings(CHECK, directories))["stale services"]
    assert (stale.result, stale.details) == ("warn", "nova-compute on cmp9: last seen 30 days ago")
    assert stale.way_out.endswith("openstack compute service delete uuid-of-cmp9")


def test_who_was_disabled_on_purpose_passes_with_the_reason(empty: RealService, directories: Directories) -> None:
    compute(empty, "cmp1", 30 * 86400, disabled=1, disabled_reason="new disk")
    compute(empty, "cmp2", 300, forced_down=1)
    found = by_name(empty.findings(CHECK, directories))
    (noted,) = found["disabled services"]
    assert noted.result == "pass"
    assert "nova-compute on cmp1 is disabled (new disk), last seen 30 days ago" in noted.details
    assert "nova-compute on cmp2 is forced down" in noted.details
    assert not {"services down", "stale services"} & set(found)


@pytest.mark.parametrize("ignored", [False, True])
def test_a_compute_that_the_target_is_too_new_for_keeps_its_api_from_starting(
    empty: RealService, directories: Directories, ignored: bool
) -> None:
    """Also one that is dead, as long as its row is there; and the release says the same of it."""
    compute(empty, "cmp1")
    compute(empty, "cmp9", 30 * 86400, version=71)
    if ignored:
        empty.write("[workarounds]\ndisable_compute_service_check_for_ffu = true\n")
    assert "fail" not in {each.result for each in empty.findings(CHECK, directories)}
    found = by_name(empty.findings(CHECK, directories, "2026.2"))["service versions"]
    (least,) = [each for each in found if each.about == "nova 2026.2"]
    assert least.result == ("warn" if ignored else "fail")
    assert "older than version 72, and 1 is: cmp9 (71, last seen 30 days ago)" in least.details
    if not ignored:
        assert least.way_out == "remove those that are gone: openstack compute service delete uuid-of-cmp9"
    own = empty.status("upgrade", "check")
    assert "TooOldComputeService" in own.output() or "Older than N-1 computes" in own.output()
    assert own.exit_status != 0


def test_a_cell_that_cannot_be_read_could_not_be_told(empty: RealService, directories: Directories) -> None:
    compute(empty, "cmp1")
    hidden = empty.database("cell1").rename(empty.directory / "away")
    try:
        found = by_name(empty.findings(CHECK, directories, "2026.2"))
    finally:
        hidden.rename(empty.database("cell1"))
    (unclear,) = [each for each in found["services reporting"] if each.about == f"nova {CELL}"]
    assert unclear.result == "could-not-tell"
    assert "OW301" in unclear.details
    assert "service versions" not in found


def test_cinders_rows_that_are_there_twice_and_of_an_older_version_are_found(
    real_services: Callable[[str, str], RealService], directories: Directories
) -> None:
    cinder = real_services("cinder", "2023.1")
    told = {"binary": "cinder-volume", "topic": "cinder-volume", "report_count": 1, "disabled": 0, "deleted": 0}
    for host, seen, version in (("vol1@lvm", 0, "3.19"), ("vol1@lvm", 200, "3.19"), ("vol2@lvm", 0, "3.17")):
        cinder.plant("cinder", "services", host=host, updated_at=ago(seen), rpc_current_version=version, **told)
    found = by_name(cinder.findings(CHECK, directories))
    (twice,) = found["services registered twice"]
    assert (twice.result, twice.details) == ("warn", "cinder-volume on vol1@lvm: 2 rows")
    assert twice.way_out.endswith("cinder-manage service remove cinder-volume vol1@lvm")
    (mixed,) = found["service versions"]
    assert (mixed.result, "3.17" in mixed.details, "vol2@lvm" in mixed.details) == ("warn", True, True)
    (down,) = found["services down"]
    assert (down.about, down.way_out[:7]) == ("vol1@lvm", "on vol1")


# Makes the release's own table; runs in its environment, which knows nothing of Onward.
MAKES = """
import importlib, sys
import sqlalchemy
where, name, url = sys.argv[1:]
found = getattr(importlib.import_module(where), name)
getattr(found, "__table__", found).create(sqlalchemy.create_engine(url))
"""
HEAT = {"engine_id": "e", "host": "h", "topic": "engine", "report_interval": 60, "binary": "heat-engine"}
AGENT = {
    "topic": "t",
    "configurations": "{}",
    "created_at": ago(9e6),
    "started_at": ago(9e6),
    "agent_type": "DHCP agent",
}
TABLES = {
    "neutron": (
        ("neutron.db.models.agent", "Agent"),
        lambda host, seen, on: {
            **AGENT,
            **{"id": f"id-{host}", "binary": "neutron-dhcp-agent", "host": host, "admin_state_up": on},
            "heartbeat_timestamp": ago(seen),
        },
        "openstack network agent delete id-gone",
    ),
    "heat": (
        ("heat.db.models", "Service"),
        lambda host, seen, on: {**HEAT, "id": f"id-{host}", "hostname": host, "updated_at": ago(seen if on else 1)},
        "heat-manage service clean",
    ),
    "designate": (
        ("designate.storage.sqlalchemy.tables", "service_status"),
        lambda host, seen, on: {
            **{"id": f"id-{host}", "service_name": "central", "hostname": host, "status": "UP", "stats": "{}"},
            **{"capabilities": "{}", "heartbeated_at": ago(seen if on else 1)},
        },
        "DELETE FROM service_statuses WHERE id = 'id-gone'",
    ),
}


@pytest.mark.full
@pytest.mark.mariadb
@pytest.mark.parametrize("service", TABLES)
def test_the_tables_of_the_others_are_read_on_a_server_with_a_time_zone_of_its_own(
    service: str,
    mariadb: PrivateMariadb,
    service_environment: Callable[[str, str], Path],
    directories: Directories,
    tmp_path: Path,
) -> None:
    (module, name), row, removal = TABLES[service]
    sql(mariadb, "SET GLOBAL time_zone = '+05:30'")
    made = RealService(service, "2026.2", tmp_path, None, mariadb)
    made.make_empty()
    finished = subprocess.run(
        [service_environment(service, "2026.2"), "-I", "-c", MAKES, module, name, made.url(service)],
        env=clean_environment({"PATH": "/usr/bin:/bin"}) | recipe(service).variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    table = recipe(service).heartbeats.table
    for host, seen, on in (("well", 5, True), ("late", 900, True), ("gone", 9e6, True), ("off", 9e6, False)):
        made.plant(service, table, **row(host, seen, on))
    found = by_name(made.findings(CHECK, directories))
    assert [(each.about, each.result) for each in found["services down"]] == [("late", "fail")]
    (stale,) = found["stale services"]
    assert " on gone: last seen 104 days ago" in stale.details
    assert removal in stale.way_out
    assert ("disabled services" in found) == (service == "neutron")
    assert found["services reporting"][0].details.startswith("in time: ")
