"""What is made of what was seen of database servers: state in, findings out."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.catalog.database import OldestServers
from onward.checks.database_activity import activity_findings
from onward.checks.database_seen import Connection, DatabaseServer, Transaction, Unseen
from onward.checks.database_servers import server_findings, trigger_findings, version_findings
from onward.checks.finding import Finding
from onward.checks.galera import galera_findings
from onward.checks.replication import replication_findings

OLDEST = OldestServers(since="wallaby", mysql="5.6", mariadb="10.0", source="the test")
STATUS = {
    "threads_connected": "20",
    "wsrep_cluster_status": "Primary",
    "wsrep_cluster_size": "3",
    "wsrep_cluster_state_uuid": "e45320d8-e8f3-11f1-b4ad-f7cc54d24264",
    "wsrep_connected": "ON",
    "wsrep_ready": "ON",
    "wsrep_local_state_comment": "Synced",
}
VARIABLES = {"read_only": "OFF", "wsrep_on": "ON", "max_connections": "151", "log_bin": "OFF"}


def node(number: int, *, status: dict[str, str] | None = None, **facts: Any) -> DatabaseServer:
    """A healthy node of a cluster, but for what is said."""
    healthy = DatabaseServer(
        f"10.0.0.{number}:3306",
        user="keystone@%",
        version="10.11.6-MariaDB-log",
        variables=VARIABLES,
        status={**STATUS, **(status or {})},
        paused_now=0.0,
        grants={"keystone@%": False},
        free_bytes=Unseen("it does not say"),
    )
    return replace(healthy, **facts)


def cluster(*other: DatabaseServer) -> list[DatabaseServer]:
    """Three nodes; those that are given stand in the place of healthy ones."""
    by_name = {each.node: each for each in [*map(node, (1, 2, 3)), *other]}
    return list(by_name.values())


def all_findings(servers: Sequence[DatabaseServer], expected: int | None = 3) -> list[Finding]:
    return [
        *server_findings(servers),
        *galera_findings(servers, expected),
        *replication_findings(servers),
        *activity_findings(servers, {"keystone"}),
        *version_findings(servers, OLDEST, "2026.1"),
        *trigger_findings(servers, {"keystone": False}),
    ]


def wrong(findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    return [(each.name, each.result, each.about) for each in findings if each.result not in ("pass", "not-checked")]


def test_a_healthy_cluster_passes() -> None:
    assert wrong(all_findings(cluster())) == []


CASES: list[tuple[str, DatabaseServer, tuple[str, str, str], str]] = [
    (
        "another cluster",
        node(3, status={"wsrep_cluster_state_uuid": "11111111-2222-3333-4444-555555555555"}),
        ("Galera cluster identity", "fail", ""),
        "of 2 clusters",
    ),
    (
        "not in the cluster",
        node(3, variables={**VARIABLES, "wsrep_on": "OFF"}),
        ("Galera node", "fail", "10.0.0.3:3306"),
        "wsrep_on is OFF",
    ),
    (
        "gives another node a copy",
        node(3, status={"wsrep_local_state_comment": "Donor/Desynced"}),
        ("Galera node", "warn", "10.0.0.3:3306"),
        "a backup runs",
    ),
    (
        "not yet in step",
        node(3, status={"wsrep_local_state_comment": "Joined"}),
        ("Galera node", "fail", "10.0.0.3:3306"),
        "not yet in step",
    ),
    ("held up", node(3, paused_now=0.4), ("Galera flow control", "warn", "10.0.0.3:3306"), "40%"),
    ("another version", node(3, version="10.6.18-MariaDB"), ("database version", "warn", ""), "10.6.18-MariaDB"),
    (
        "few connections left",
        node(3, status={"threads_connected": "140"}),
        ("database connections", "warn", "10.0.0.3:3306"),
        "140 of 151",
    ),
    (
        "little room",
        node(3, free_bytes=10**9, table_bytes={"keystone.assignment": 2 * 10**9}),
        ("database disk", "fail", "10.0.0.3:3306"),
        "keystone.assignment, 2.0 GB",
    ),
    (
        "no room for a second copy",
        node(3, free_bytes=10**9, table_bytes={"keystone.a": 9 * 10**8, "keystone.b": 9 * 10**8}),
        ("database disk", "warn", "10.0.0.3:3306"),
        "1.0 GB free",
    ),
    (
        "something was not answered",
        node(3, unread=("error 1205: Lock wait timeout exceeded",)),
        ("database servers", "could-not-tell", "10.0.0.3:3306"),
        "error 1205",
    ),
]


@pytest.mark.parametrize(("server", "expected", "words"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_wrong_with_a_node_is_named(server: DatabaseServer, expected: tuple[str, str, str], words: str) -> None:
    findings = all_findings(cluster(server))
    assert wrong(findings) == [expected]
    (found,) = [each for each in findings if (each.name, each.result, each.about) == expected]
    assert words in found.details


def test_of_one_address_it_is_not_known_how_many_nodes_there_should_be() -> None:
    (size,) = [each for each in galera_findings([node(1)], None) if each.name == "Galera cluster size"]
    assert size.result == "not-checked"
    assert "cluster_size" in size.way_out


def test_more_nodes_than_are_known_are_named() -> None:
    (size,) = [each for each in galera_findings(cluster(), 2) if each.name == "Galera cluster size"]
    assert size.result == "warn"


def test_a_cluster_that_has_lost_its_majority_says_how_it_is_made_whole() -> None:
    lost = {"wsrep_cluster_status": "non-Primary", "wsrep_ready": "OFF", "wsrep_cluster_size": "1"}
    findings = galera_findings([node(1, status=lost)], 3)
    (size,) = [each for each in findings if each.name == "Galera cluster size"]
    assert size.result == "fail"
    assert "pc.bootstrap=YES" in size.way_out


def test_a_cluster_that_nobody_is_in_is_missed_where_there_should_be_one() -> None:
    alone = node(1, variables={**VARIABLES, "wsrep_on": "OFF"})
    assert wrong(galera_findings([alone], 3)) == [("Galera cluster size", "fail", "")]
    assert wrong(galera_findings([alone], None)) == []


@pytest.mark.parametrize(
    ("version", "result"),
    [
        ("5.5.68-MariaDB", "warn"),
        ("5.5.5-10.1.48-MariaDB", "pass"),
        ("10.11.6-MariaDB-0+deb12u1-log", "pass"),
        ("5.5.62-log", "warn"),
        ("5.7.44-48-log", "pass"),
        ("8.0.36", "pass"),
    ],
)
def test_a_version_is_compared_with_what_its_product_needs(version: str, result: str) -> None:
    (found,) = version_findings([node(1, version=version)], OLDEST, "2026.1")
    assert found.result == result


def test_without_a_documented_bound_the_version_is_only_told() -> None:
    (found,) = version_findings([node(1, version="5.1.73")], None, "")
    assert found.result == "pass"


@pytest.mark.parametrize(
    ("log_bin", "trusted", "privileged", "creates", "result"),
    [
        ("ON", "OFF", False, True, "warn"),
        ("ON", "OFF", False, False, "pass"),
        ("ON", "OFF", True, True, "pass"),
        ("ON", "ON", False, True, "pass"),
        ("OFF", "OFF", False, True, "pass"),
    ],
)
def test_triggers_are_refused_only_where_all_comes_together(
    log_bin: str, trusted: str, privileged: bool, creates: bool, result: str
) -> None:
    variables = {**VARIABLES, "log_bin": log_bin, "log_bin_trust_function_creators": trusted}
    (found,) = trigger_findings([node(1, variables=variables, grants={"heat@%": privileged})], {"heat": creates})
    assert found.result == result


def source(**facts: str) -> dict[str, str]:
    running = {"slave_io_running": "Yes", "slave_sql_running": "Yes", "seconds_behind_master": "0"}
    return {"master_host": "10.0.0.1", "master_port": "3306", **running, **facts}


@pytest.mark.parametrize(
    ("facts", "result", "words"),
    [
        ({}, "pass", "0 s behind"),
        ({"seconds_behind_master": "31"}, "warn", "31 s behind"),
        ({"slave_io_running": "Connecting", "last_io_error": "error connecting"}, "fail", "error connecting"),
        ({"slave_sql_running": "No"}, "fail", "somebody stopped it"),
        ({"seconds_behind_master": ""}, "could-not-tell", "does not say"),
    ],
)
def test_a_replica_keeps_up_or_it_is_said_why_not(facts: dict[str, str], result: str, words: str) -> None:
    (found,) = replication_findings([node(4, replication=(source(**facts),))])
    assert found.result == result
    assert words in found.details


def test_a_replica_may_be_read_only_where_another_server_is_not() -> None:
    variables = {"read_only": "ON"}
    replica = node(2, variables=variables, replication=(source(),))
    assert wrong(server_findings([node(1), replica])) == []
    assert wrong(server_findings([replica])) == [("database writable", "fail", "10.0.0.2:3306")]


def connection(thread: int, *, database: str = "keystone", user: str = "nova", **facts: Any) -> Connection:
    plain = Connection(thread, user, "10.0.0.9:40000", database, "Sleep", 0, "")
    return replace(plain, **facts)


def test_what_other_databases_are_used_for_is_not_our_concern() -> None:
    others = [connection(7, database="wordpress"), connection(8, user="system user")]
    open_ones = tuple(Transaction(each, 3600, 0, 0) for each in others)
    assert wrong(activity_findings([node(1, transactions=open_ones)], {"keystone"})) == []


def test_a_transaction_without_a_database_may_use_any() -> None:
    backup = Transaction(connection(7, database="", user="backup"), 3600, 0, 0)
    (found,) = [each for each in activity_findings([node(1, transactions=(backup,))], {"keystone"}) if each.way_out]
    assert (found.name, found.result) == ("long transactions", "warn")
    assert "KILL 7;" in found.way_out
    assert "backup@10.0.0.9:40000" in found.details


def test_a_prepared_transaction_of_nobody_cannot_be_killed() -> None:
    nobody = Transaction(Connection(0, "", "", "", "", 0, ""), 60, 1, 1)
    (found,) = [each for each in activity_findings([node(1, transactions=(nobody,))], {"keystone"}) if each.way_out]
    assert "XA RECOVER" in found.way_out


def test_of_many_that_wait_for_a_table_the_first_is_shown_with_the_others_number() -> None:
    state = "Waiting for table metadata lock"
    waiting = [connection(n, command="Query", state=state, seconds=100 - n, verb="SELECT") for n in range(11, 21)]
    first = connection(10, command="Query", state=state, seconds=100, verb="ALTER")
    holder = Transaction(connection(3, seconds=200), 200, 5, 5)
    server = node(1, connections=(*waiting, first), transactions=(holder,))
    (found,) = [each for each in activity_findings([server], {"keystone"}) if each.name == "locks"]
    assert found.result == "fail"
    assert "thread 10, nova@10.0.0.9:40000" in found.details
    assert "10 more wait with it" in found.details
    assert "KILL 3;" in found.way_out


def test_an_applier_that_waits_for_a_table_is_shown_with_whoever_may_have_locked_it() -> None:
    applier = connection(2, user="system user", state="Waiting for table metadata lock", seconds=9, database="")
    idle = connection(11, user="backup", seconds=10)
    later = connection(12, user="later", seconds=1)
    (found,) = [
        each
        for each in activity_findings([node(1, connections=(applier, idle, later))], {"keystone"})
        if each.name == "locks"
    ]
    assert found.result == "fail"
    assert "thread 11, backup@10.0.0.9:40000" in found.details
    assert "later@" not in found.details


def test_waits_of_the_own_account_are_found_also_where_others_cannot_be_seen() -> None:
    waiting = connection(10, command="Query", state="Waiting for table metadata lock", seconds=3)
    server = node(1, connections=(waiting,), transactions=Unseen("nova@% has not the privilege PROCESS", "GRANT ..."))
    findings = activity_findings([server], {"keystone"})
    assert {(each.name, each.result) for each in findings} == {
        ("long transactions", "could-not-tell"),
        ("locks", "could-not-tell"),
        ("locks", "fail"),
    }


servers = st.builds(
    node,
    st.integers(1, 4),
    status=st.fixed_dictionaries(
        {},
        optional={
            "wsrep_cluster_status": st.sampled_from(["Primary", "non-Primary", "Disconnected", ""]),
            "wsrep_cluster_size": st.sampled_from(["", "0", "1", "2", "3", "4"]),
            "wsrep_ready": st.sampled_from(["ON", "OFF", ""]),
            "wsrep_local_state_comment": st.sampled_from(["Synced", "Initialized", "Donor/Desynced", ""]),
            "wsrep_cluster_state_uuid": st.sampled_from(["", "00000000-0000-0000-0000-000000000000", "a", "b"]),
        },
    ),
    no_answer=st.sampled_from([None, None, "refused", "silent", "login"]),
    variables=st.sampled_from([{}, VARIABLES, {"wsrep_on": "OFF"}, {"wsrep_on": "ON", "read_only": "ON"}]),
    transactions=st.sampled_from([(), Unseen("no", "GRANT ..."), (Transaction(connection(1), 99, 0, 0),)]),
    replication=st.sampled_from([(), Unseen("no", "GRANT ..."), (source(),), ({},)]),
    version=st.sampled_from(["", "10.11.6-MariaDB", "8.0.36", "nonsense"]),
    paused_now=st.sampled_from([None, 0.0, 1.0]),
)


@given(st.lists(servers, max_size=4, unique_by=lambda each: each.node), st.sampled_from([None, 1, 3]))
def test_whatever_is_seen_something_is_said_and_what_stops_has_a_way_out(
    seen: list[DatabaseServer], expected: int | None
) -> None:
    findings = all_findings(seen, expected)
    assert all(each.details for each in findings)
    assert all(each.way_out for each in findings if each.stops)
    named = {each.about for each in findings if each.name == "database servers" and each.stops}
    assert named >= {each.node for each in seen if not each.answers}


@given(st.lists(servers, min_size=1, max_size=4, unique_by=lambda each: each.node))
def test_what_could_not_be_seen_is_never_a_pass(seen: list[DatabaseServer]) -> None:
    findings = [each for each in activity_findings(seen, {"keystone"}) if each.result == "pass"]
    blind = {each.node for each in seen if not each.answers or isinstance(each.transactions, Unseen)}
    assert not any(name in each.details for each in findings for name in blind)
