"""A real RabbitMQ of three nodes: healthy it gives no warning, and every fault is found and named."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from broker_cloud import CHECK, Cloud, faults
from broker_cluster import PASSWORD, SERVER, USER, Cluster, Node, delete, publish, until
from broker_faults import FAULTS, PAGE, hold, rows

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(SERVER is None, reason="rabbitmq-server is not installed (apt-get install rabbitmq-server)"),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three nodes; a test that harms one heals it."""
    with Cluster(tmp_path_factory.mktemp("broker"), 3) as running:
        yield running


@pytest.fixture
def cloud(tmp_path: Path, cluster: Cluster) -> Iterator[Cloud]:
    """Before and after every test all of it is in order."""
    made = Cloud(tmp_path, cluster.nodes)
    yield made
    made.write()
    found = made.check()
    assert {each.result for each in found} == {"pass"}, found


def test_a_healthy_cluster_gives_no_warning_and_every_look_says_what_it_saw(cloud: Cloud) -> None:
    publish(cloud.nodes[0], "healthy", 3)
    publish(cloud.nodes[0], "healthy-replicated", 3, "quorum")
    try:
        found = cloud.check()
    finally:
        delete(cloud.nodes[0], ["healthy", "healthy-replicated"])
    assert {each.result for each in found} == {"pass"}, found
    told = {each.name: each.details for each in found}
    assert told["broker cluster"].startswith("3 of 3 nodes run")
    assert "RabbitMQ 3." in told["broker releases"]
    assert "Erlang" in told["broker releases"]
    assert told["broker queue members"] == "2 queues are served; 1 have members, all of them online"
    assert [each.about for each in found if each.name == "broker login"] == [node.amqp_address for node in cloud.nodes]


@pytest.mark.full
@pytest.mark.environments
def test_onward_check_shows_it_with_what_the_target_is_deployed_with(
    onward: Callable[..., Any], cloud: Cloud, built_keystone: Callable[[str], object]
) -> None:
    built_keystone("2023.2")
    cloud.file.write_text(cloud.file.read_text().replace("nova:", "keystone:"))
    called = onward("check", "--cloud", cloud.file, "--to", "2023.2", "-f", "json")
    assert PASSWORD not in called.out + called.err
    found = [each for each in json.loads(called.out) if each["Found by"] == CHECK]
    release = next(each for each in found if each["Check"] == "broker release")
    assert "Kolla deploys 2023.2 with RabbitMQ 3.12" in release["Details"]
    assert {each["Result"] for each in found if each is not release} == {"pass"}


@contextmanager
def queues_on(node: Node) -> Iterator[None]:
    """A queue that lives on this node alone, and one that has members on all."""
    publish(node, "only-here", 1)
    publish(node, "replicated", 1, "quorum")
    try:
        yield
    finally:  # What stayed behind would be found by every test that follows.
        delete(node, ["only-here", "replicated"])


def test_a_node_that_was_killed_is_named_with_the_queues_that_miss_it(cloud: Cloud, cluster: Cluster) -> None:
    first, second, third = cloud.nodes
    with queues_on(second):
        second.kill()
        until("its peers notice", lambda: not sees(first, second))
        until(
            "a new leader is there",
            lambda: first.ask("queues/%2F/replicated").get("leader") in (first.name, third.name),
        )
        found = cloud.check()
        cluster.restart(second)
    hold("a node was killed", found, cloud.names)
    named = faults(found)
    assert named["broker cluster", second.name].result == "fail"
    assert "2 of 3 nodes run" in named["broker cluster", second.name].details
    assert "Connection refused" in named["broker login", second.amqp_address].details
    members = " ".join(each.details for each in found if each.name == "broker queue members")
    assert "only-here" in members
    assert "replicated" in members


@pytest.mark.full
def test_a_node_that_hangs_is_named_though_its_peers_hold_it_to_be_well(cloud: Cloud, cluster: Cluster) -> None:
    second = cloud.nodes[1]
    with cluster.stopped(second):
        found = cloud.check()
    hold("a node hangs (SIGSTOP)", found, cloud.names)
    named = faults(found)
    login = named["broker login", second.amqp_address]
    assert login.result == "fail"
    assert "says nothing" in login.details
    assert named["broker management", second.management_address].result == "could-not-tell"
    # What its peers cannot tell as long as they wait for it does not pass.
    assert second.amqp_address in named["broker cluster", ""].way_out


@pytest.mark.full
@pytest.mark.parametrize("alarm", ["memory", "disk"])
def test_an_alarm_is_named_with_its_numbers(cloud: Cloud, cluster: Cluster, alarm: str) -> None:
    second = cloud.nodes[1]
    raise_it, lower_it = {
        "memory": (
            "vm_memory_monitor:set_vm_memory_high_watermark(0.0001).",
            "vm_memory_monitor:set_vm_memory_high_watermark(0.4).",
        ),
        "disk": (
            "rabbit_disk_monitor:set_disk_free_limit(100000000000000).",
            "rabbit_disk_monitor:set_disk_free_limit(50000000).",
        ),
    }[alarm]
    key = {"memory": "mem_alarm", "disk": "disk_free_alarm"}[alarm]
    second.evaluate(raise_it)
    try:
        until("the alarm is shown", lambda: second.ask(f"nodes/{second.name}")[key])
        found = cloud.check()
    finally:
        second.evaluate(lower_it)
        cluster.wait_whole()
    hold(f"{alarm} alarm on one node", found, cloud.names)
    (fault,) = faults(found).values()
    assert (fault.name, fault.about, fault.result) == ("broker alarms", second.name, "fail")
    assert "limit" in fault.details
    assert "iB" in fault.details


def test_a_queue_that_nobody_reads_is_named_with_its_depth(cloud: Cloud) -> None:
    first = cloud.nodes[0]
    publish(first, "notifications.info", 1500)
    try:
        until("it is counted", lambda: first.ask("queues/%2F/notifications.info").get("messages") == 1500)
        found = cloud.check()
    finally:
        delete(first, ["notifications.info"])
    hold("a queue that nobody reads", found, cloud.names)
    (fault,) = faults(found).values()
    assert (fault.name, fault.about, fault.result) == ("broker queues", "notifications.info", "warn")
    assert "1500 messages, 0 consumers" in fault.details
    assert "rabbitmqctl purge_queue -p / notifications.info" in fault.way_out


@pytest.mark.parametrize(
    ("fault", "written", "words"),
    [
        ("wrong password in transport_url", {"password": "an/old@one"}, "refuses: ACCESS_REFUSED"),
        ("a virtual host that is not there", {"virtual_host": "cell1"}, "virtual host cell1"),
    ],
)
def test_a_login_that_is_refused_is_named_without_its_password(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, fault: str, written: dict[str, str], words: str
) -> None:
    monkeypatch.setenv("BROKER_PASSWORD", PASSWORD)
    cloud.write(user=USER, password_reference="env:BROKER_PASSWORD", **written)
    found = cloud.check()
    assert "an/old@one" not in str(found)
    hold(fault, found, cloud.names)
    assert [each.name for each in faults(found).values()] == ["broker login"] * 3
    assert {each.result for each in faults(found).values()} == {"fail"}
    assert all(words in each.details for each in faults(found).values())


@pytest.mark.full
def test_a_cut_between_nodes_is_found_while_it_lasts_and_afterwards(cloud: Cloud, cluster: Cluster) -> None:
    first, second, third = cloud.nodes
    try:
        # The node refuses its peers, as a firewall between them would; each side goes on by itself.
        peers = (first.name, third.name)
        second.evaluate(" ".join(f"erlang:set_cookie('{peer}', refused)," for peer in peers) + "ok.")
        second.evaluate(" ".join(f"erlang:disconnect_node('{peer}')," for peer in peers) + "ok.")
        for node, peer in ((first, second), (third, second), (second, first), (second, third)):
            until(f"{node.name} loses {peer.name}", lambda node=node, peer=peer: not sees(node, peer))
        cut = cloud.check()
        second.evaluate(" ".join(f"erlang:set_cookie('{peer}', erlang:get_cookie())," for peer in peers) + "ok.")
        second.evaluate(" ".join(f"net_kernel:connect_node('{peer}')," for peer in peers) + "ok.")
        for node in (first, second, third):
            until("it is written down", lambda node=node: node.ask(f"nodes/{node.name}").get("partitions"))
        back = cloud.check()
    finally:
        cluster.heal()
    hold("a node is cut off from the others", cut, cloud.names)
    hold("a node was cut off, and is back", back, cloud.names)
    for found in (cut, back):
        assert faults(found)["broker partitions", second.name].result == "fail"
        assert first.name in faults(found)["broker partitions", second.name].details


def sees(node: Node, peer: Node) -> bool:
    """Whether one node holds another to be running."""
    return bool((node.ask(f"nodes/{peer.name}") or {}).get("running"))


@pytest.mark.full
@pytest.mark.parametrize("tag", ["", "monitoring"])
def test_what_a_user_may_not_see_is_no_pass(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    first = cloud.nodes[0]
    monkeypatch.setenv("BROKER_PASSWORD", "watching-eyes")
    first.evaluate(f"""
        rabbit_auth_backend_internal:add_user(<<"watcher">>, <<"watching-eyes">>, <<"a test">>),
        rabbit_auth_backend_internal:set_tags(<<"watcher">>, [{tag}], <<"a test">>).
    """)
    try:
        cloud.write(user="watcher", password_reference="env:BROKER_PASSWORD")
        found = cloud.check()
    finally:
        first.evaluate('rabbit_auth_backend_internal:delete_user(<<"watcher">>, <<"a test">>).')
    assert "watching-eyes" not in str(found)
    fault = "a user with the tag monitoring, who is no administrator" if tag else "a user without the tag monitoring"
    hold(fault, found, cloud.names)
    assert {each.result for each in faults(found).values()} == {"warn" if tag else "could-not-tell"}
    if tag:
        assert [each.name for each in faults(found).values()] == ["broker feature flags"]
    else:
        assert (
            "rabbitmqctl set_user_tags watcher monitoring"
            in faults(found)["broker management", first.management_address].way_out
        )


@pytest.mark.full
def test_a_management_plugin_that_does_not_run_is_no_pass_and_no_fault_of_the_broker(cloud: Cloud) -> None:
    second = cloud.nodes[1]
    second.evaluate("application:stop(rabbitmq_management).")
    try:
        found = cloud.check()
    finally:
        second.evaluate("application:start(rabbitmq_management).")
        until("it listens again", lambda: second.ask("whoami"))
    hold("the management plugin does not run", found, cloud.names)
    (fault,) = faults(found).values()
    assert (fault.name, fault.about, fault.result) == ("broker management", second.management_address, "could-not-tell")
    assert "rabbitmq-plugins enable rabbitmq_management" in fault.way_out


@pytest.mark.full
def test_a_node_in_maintenance_mode_takes_no_logins_though_it_runs(cloud: Cloud) -> None:
    second = cloud.nodes[1]
    # It closes its listeners; that it does so on purpose, the management API tells with later releases only.
    second.evaluate("rabbit_maintenance:drain().")
    try:
        found = cloud.check()
    finally:
        second.evaluate("rabbit_maintenance:revive().")
        until("it listens again", lambda: second.ask("whoami"))
    hold("a node in maintenance mode", found, cloud.names)
    named = faults(found)
    # It closes all of its listeners, that of the management API too.
    assert set(named) == {("broker login", second.amqp_address), ("broker management", second.management_address)}
    assert "maintenance" in named["broker login", second.amqp_address].way_out


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A node that is a cluster of its own, may open few files, and was made by an older release, in a way."""
    flags = "quorum_queue,implicit_default_bindings,virtual_host_metadata,maintenance_mode_status,user_limits"
    with Cluster(tmp_path_factory.mktemp("lone"), 1, first=4, files=200, RABBITMQ_FEATURE_FLAGS=flags) as running:
        yield running.nodes[0]


@pytest.mark.full
def test_feature_flags_that_the_next_release_needs_are_named(tmp_path: Path, lone: Node) -> None:
    cloud = Cloud(tmp_path, [lone])
    found = cloud.check()
    # How many sockets are taken is another test's matter, and counted some time afterwards.
    found = [each for each in found if each.name != "broker limits"]
    hold("feature flags that were never enabled", found, cloud.names)
    (fault,) = faults(found).values()
    assert (fault.name, fault.result) == ("broker feature flags", "warn")
    assert "stream_queue" in fault.details
    assert "rabbitmqctl enable_feature_flag all" in fault.way_out


@pytest.mark.full
def test_connections_that_run_out_are_named_with_their_number(tmp_path: Path, lone: Node) -> None:
    cloud = Cloud(tmp_path, [lone])
    total = lone.ask(f"nodes/{lone.name}")["sockets_total"]
    connections = [lone.connect() for _ in range(int(total * 0.85))]
    try:
        until("they are counted", lambda: lone.ask(f"nodes/{lone.name}")["sockets_used"] >= len(connections))
        found = cloud.check()
    finally:
        for connection in connections:
            connection.close()
    hold("few sockets left", [each for each in found if each.name != "broker feature flags"], cloud.names)
    named = faults(found)["broker limits", lone.name]
    assert named.result == "warn"
    assert f"of {total} sockets" in named.details


@pytest.mark.full
def test_servers_of_two_clusters_are_no_cluster(cloud: Cloud, lone: Node) -> None:
    cloud.nodes = [*cloud.nodes, lone]
    try:
        cloud.write()
        found = cloud.check()
        names = cloud.names
    finally:
        cloud.nodes = cloud.nodes[:3]
    hold("a server of another cluster", [each for each in found if each.name != "broker limits"], names)
    assert "2 clusters" in faults(found)["broker cluster", ""].details


@pytest.mark.full
def test_a_majority_that_is_gone_is_named_with_the_queues_that_have_none(cloud: Cloud, cluster: Cluster) -> None:
    first, second, third = cloud.nodes
    publish(first, "replicated", 1, "quorum")
    for node in (second, third):
        node.kill()
    for node in (second, third):
        until("it is noticed", lambda node=node: not sees(first, node))
    until("the queue notices", lambda: len((first.ask("queues/%2F/replicated") or {}).get("online", "xxx")) < 2)
    found = cloud.check()
    second.start()
    cluster.restart(third)
    delete(first, ["replicated"])
    hold("most nodes were killed", found, cloud.names)
    assert "no majority" in faults(found)["broker queue members", ""].details
    assert "1 of 3 nodes run" in faults(found)["broker cluster", second.name].details


def test_the_page_has_every_fault_and_no_other() -> None:
    assert {row[0] for row in rows()} == set(FAULTS)
    assert "| ---" not in PAGE.read_text()
