"""``onward check`` of a real Galera cluster: well, and with one fault after the other."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from threading import Thread
from typing import Any

import pytest
from database_cloud import Cloud
from database_faults import FAULTS, Fault, replicated
from faults_page import FaultsPage, Row
from galera_cluster import PASSWORD, GaleraCluster, until

from onward.checks.finding import Finding
from onward.hosts.state import Directories
from onward.model.cloud import Cloud as CloudFile
from onward.model.cloud import Service
from onward.survey.checks.context import CheckContext
from onward.survey.checks.database_servers import database_servers

pytestmark = pytest.mark.mariadb


@pytest.fixture
def cluster(running_cluster: GaleraCluster) -> Iterator[GaleraCluster]:
    """The cluster, whole before the test and after it."""
    running_cluster.heal()
    yield running_cluster
    running_cluster.heal()


@pytest.fixture
def cloud(tmp_path: Path, directories: Directories, cluster: GaleraCluster) -> Cloud:
    return Cloud(tmp_path, directories, cluster)


def test_onward_check_shows_them(onward: Callable[..., Any], cloud: Cloud, cluster: GaleraCluster) -> None:
    called = onward("check", "--cloud", cloud.file, "-f", "json")
    found = {each["Check"]: each for each in json.loads(called.out)}
    assert found["database servers"]["Result"] == "pass"
    assert found["database servers"]["Details"] == f"answer: {', '.join(cluster.addresses)}"
    assert (found["Galera cluster size"]["Result"], found["Galera cluster size"]["Details"]) == ("pass", "3 of 3 nodes")
    assert PASSWORD not in called.out + called.err


def test_onward_check_of_a_database_that_refuses_the_account_says_so_and_goes_on(
    onward: Callable[..., Any], cloud: Cloud
) -> None:
    cloud.describe(user="nobody")
    called = onward("check", "--cloud", cloud.file, "-f", "json")
    assert called.status == 4
    assert PASSWORD not in called.out + called.err
    assert "Traceback" not in called.out + called.err
    found = {each["Check"]: each for each in json.loads(called.out)}
    assert found["schema"]["Result"] == "fail"
    assert "OW301" in found["schema"]["Details"]
    assert "Access denied" in found["database servers"]["Details"]
    assert found["disk"]["Result"] == "pass"


@pytest.mark.parametrize("target", [None, "2026.1"])
def test_a_healthy_cluster_gives_no_warning_to_an_account_that_may_only_look(cloud: Cloud, target: str | None) -> None:
    found = cloud.findings(target)
    assert {each.result for each in found} <= {"pass", "not-checked"}, found
    passed = {each.name for each in found if each.result == "pass"}
    expected = {
        "database servers",
        "database writable",
        "database version",
        "Galera cluster size",
        "Galera node",
        "Galera cluster identity",
        "Galera flow control",
        "long transactions",
        "locks",
    }
    assert expected <= passed


PAGE = FaultsPage(
    Path(__file__).parents[4] / "docs" / "reference" / "faults-database.md",
    "Faults of database servers",
    "Each of these was made on a real Galera cluster of three MariaDB nodes, and looked at by an account that may\n"
    "only `SELECT` and has `PROCESS`. Besides what is named, nothing was found. Its test writes this page.\n\n"
    "Servers of MySQL and Percona were not tried: Debian 12, on which the tests run, has none in its archive. What is\n"
    "said of their versions is held by tests on data.",
)


def test_a_database_in_a_file_has_no_server(tmp_path: Path, directories: Directories) -> None:
    configuration = tmp_path / "keystone.conf"
    configuration.write_text(f"[database]\nconnection = sqlite:///{tmp_path}/keystone.db\n")
    services = {"keystone": Service(configuration=(str(configuration),))}
    with CheckContext(directories, CloudFile(cloud="example", services=services), services) as context:
        (found,) = database_servers(context)
    assert (found.name, found.result, found.about) == ("database servers", "not-checked", "keystone")


def test_the_databases_of_cells_are_looked_at_with_the_accounts_that_are_written_there(
    tmp_path: Path, directories: Directories, cluster: GaleraCluster
) -> None:
    configuration = tmp_path / "nova.conf"
    urls = {user: f"mysql+pymysql://{user}:{PASSWORD}@{cluster.addresses[0]}/keystone" for user in ("poor", "watcher")}
    configuration.write_text(
        f"[database]\nconnection = {urls['poor']}\n[api_database]\nconnection = {urls['watcher']}\n"
    )
    services = {"nova": Service(configuration=(str(configuration),))}
    with CheckContext(directories, CloudFile(cloud="example", services=services), services) as context:
        found = {each.name: each for each in database_servers(context)}
    # The first may not see what others do, the second may.
    assert found["long transactions"].result == "pass"
    assert found["database servers"].details == f"answer: {cluster.addresses[0]}"
    assert found["Galera cluster size"].result == "not-checked"


@pytest.mark.full
def test_a_replica_that_keeps_up_gives_no_warning(cluster: GaleraCluster, cloud: Cloud) -> None:
    with replicated(cluster, cloud):
        found = cloud.findings()
    assert {each.result for each in found} <= {"pass", "not-checked"}, found
    (replication,) = [each for each in found if each.name == "replication"]
    assert (replication.about, replication.result) == (cluster.replica.address, "pass")


@pytest.mark.full
def test_a_node_that_stops_while_it_is_looked_at_could_not_tell(cluster: GaleraCluster, cloud: Cloud) -> None:
    node = cluster.nodes[2]

    def stopped_in_between() -> list[Finding]:
        found: list[Finding] = []
        check = Thread(target=lambda: found.extend(cloud.findings()), daemon=True)
        check.start()
        looking = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'keystone'"
        until(lambda: node.sql(looking) != [(0,)] or not check.is_alive(), "it is looked at")
        node.signal(SIGSTOP)
        try:
            check.join(120)
        finally:
            node.signal(SIGCONT)
        cluster.heal()
        return [each for each in found if (each.name, each.result) == ("database servers", "could-not-tell")]

    seen: list[Finding] = []
    until(lambda: bool(seen.extend(stopped_in_between()) or seen), "it was stopped at the right moment")
    assert seen[0].about == node.address
    assert "it answered at first, and then no more" in seen[0].details


def test_the_grant_that_it_says_is_enough(cluster: GaleraCluster, cloud: Cloud) -> None:
    cloud.describe(user="poor")
    statements = {each.way_out for each in cloud.findings() if each.way_out.startswith("GRANT")}
    cluster.nodes[0].sql(*statements)
    assert {each.result for each in cloud.findings()} <= {"pass", "not-checked"}
    cluster.nodes[0].sql("REVOKE PROCESS ON *.* FROM poor@'%'")


@pytest.mark.full
def test_what_it_says_to_kill_ends_a_long_transaction(cluster: GaleraCluster, cloud: Cloud) -> None:
    def long_ones() -> list[Finding]:
        return [each for each in cloud.findings() if (each.name, each.result) == ("long transactions", "warn")]

    with closing(cluster.nodes[1].connect(database="keystone")) as connection:
        connection.begin()
        connection.cursor().execute("SELECT * FROM project")
        until(lambda: bool(long_ones()), "it is found")
        (found,) = long_ones()
        assert found.about == cluster.nodes[1].address
        cluster.nodes[1].sql(found.way_out[found.way_out.index("KILL") :])
        until(lambda: not long_ones(), "it is gone")


def in_every_run(fault: Fault) -> object:
    """A fault as a parameter; most of them wait for the cluster to notice, and are left to the long run."""
    often = ("A node is killed (SIGKILL)", "read_only is ON", "The account has not the privilege PROCESS")
    return pytest.param(fault, id=fault.name, marks=() if fault.name in often else pytest.mark.full)


@pytest.mark.parametrize("fault", [in_every_run(fault) for fault in FAULTS])
def test_each_fault_is_found_and_named(fault: Fault, cluster: GaleraCluster, cloud: Cloud) -> None:
    seen: list[Finding] = []

    def found() -> bool:
        seen[:] = [each for each in cloud.findings(fault.target) if each.result not in ("pass", "not-checked")]
        return {(each.name, each.result) for each in seen} == set(fault.found) and fault.enough(seen)

    with fault.made(cluster, cloud):
        try:
            until(found, "exactly these are found", 90)
        except AssertionError:
            pytest.fail(f"expected {fault.found}, the last time there was {seen}")
    for each in seen:
        assert each.details
        assert each.way_out
        assert each.about in ("", *cluster.addresses, cluster.replica.address)
    named = [(f"{each.name} ({each.about})" if each.about else each.name, each) for each in seen]
    rows = [Row(fault.name, cluster.hidden(name), each.result, cluster.hidden(each.details)) for name, each in named]
    PAGE.hold(fault.name, rows, [fault.name for fault in FAULTS])


def test_the_page_names_every_fault_and_no_other() -> None:
    assert PAGE.faults() == [fault.name for fault in FAULTS]
