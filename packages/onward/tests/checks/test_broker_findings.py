"""What is said of a broker that no test can start: other releases, half an upgrade, queues by the thousand."""

from dataclasses import replace

import pytest

from onward.catalog.load import series_list
from onward.catalog.rabbitmq import numbers, rabbitmq, series_of
from onward.checks.broker import login_findings, management_findings
from onward.checks.broker_queues import BEHIND, MOST_NAMES, UNREAD, queue_findings
from onward.checks.broker_release import release_findings
from onward.checks.finding import Finding
from onward.model.broker import BrokerNode, BrokerObservation, LoginAnswer, ManagementAnswer, Queue

NAMES = ("rabbit@one", "rabbit@two", "rabbit@three")


def node(name: str, *, running: bool = True, sockets: int = 10) -> BrokerNode:
    used = (("file descriptors", 40, 20000), ("sockets", sockets, 1000))
    return BrokerNode(name, running, memory_used=1, memory_limit=2, disk_free=2, disk_limit=1, used=used)


def answer(name: str, release: str = "3.13.7", erlang: str = "26.2.5", **more: object) -> ManagementAnswer:
    nodes = tuple(node(each) for each in NAMES)
    plain = ManagementAnswer(f"{name[7:]}:15672", "answered", "", name, release, erlang, nodes, alarms=())
    return replace(plain, **more)  # type: ignore[arg-type]


def seen(*answers: ManagementAnswer, **more: object) -> BrokerObservation:
    plain = BrokerObservation((), answers or tuple(map(answer, NAMES)), "nova", (), "", {"quorum_queue": True}, "")
    return replace(plain, **more)  # type: ignore[arg-type]


def queue(name: str, messages: int = 0, consumers: int = 1, **more: object) -> Queue:
    return replace(Queue(name, "/", "classic", "running", messages, consumers, node=NAMES[0]), **more)  # type: ignore[arg-type]


def everything(observation: BrokerObservation, target: str | None = None) -> list[Finding]:
    return [
        *login_findings(observation.logins),
        *management_findings(observation),
        *queue_findings(observation),
        *release_findings(observation, rabbitmq(), target),
    ]


def faults(found: list[Finding]) -> dict[str, Finding]:
    return {each.name: each for each in found if each.result != "pass"}


def test_what_is_well_gives_no_warning() -> None:
    assert faults(everything(seen())) == {}


def test_nothing_that_could_not_be_seen_passes() -> None:
    silent = ManagementAnswer("one:15672", "silent", "it did not answer /api/whoami within 5 s")
    found = everything(seen(silent, queues=None, queues_reason="nobody", flags=None, flags_reason="nobody"), "2025.1")
    assert {each.result for each in found} == {"could-not-tell"}
    assert all(each.way_out for each in found)


def test_half_an_upgrade_of_the_broker_fails_and_a_patch_release_is_told() -> None:
    half = faults(everything(seen(answer(NAMES[0]), answer(NAMES[1], "4.0.5", "27.1"))))
    assert half["broker releases"].result == "fail"
    assert "rabbit@one: RabbitMQ 3.13.7" in half["broker releases"].details
    assert "4.0.5" in half["broker releases"].way_out
    patch = faults(everything(seen(answer(NAMES[0]), answer(NAMES[1], "3.13.6"))))
    assert patch["broker releases"].result == "warn"
    erlang = faults(everything(seen(answer(NAMES[0]), answer(NAMES[1], erlang="25.3"))))
    assert "Erlang 25.3" in erlang["broker releases"].details


@pytest.mark.parametrize(
    ("release", "target", "said"),
    [
        ("3.10.8", "2023.1", "3.10.8 -> 3.11"),
        ("3.11.5", "2023.2", "3.11.5 -> 3.11.18 -> 3.12"),
        ("3.11.28", "2023.2", "3.11.28 -> 3.12"),
        ("3.10.8", "2026.1", "3.10.8 -> 3.11 -> 3.11.18 -> 3.12 -> 3.13 -> 4.2"),
        ("3.13.7", "2026.2", "3.13.7 -> 4.2 -> 4.3"),
    ],
)
def test_the_way_of_the_broker_itself_has_the_hops_that_its_documentation_asks_for(
    release: str, target: str, said: str
) -> None:
    found = faults(everything(seen(answer(NAMES[0], release)), target))
    assert found["broker release"].result == "warn"
    assert found["broker release"].details.endswith(f"RabbitMQ itself is upgraded {said}")


@pytest.mark.parametrize(("release", "target"), [("3.13.7", "2024.1"), ("4.1.2", "2025.1"), ("3.12.0", "2023.1")])
def test_a_broker_that_is_as_new_as_the_target_is_deployed_with_passes(release: str, target: str) -> None:
    assert "broker release" not in faults(everything(seen(answer(NAMES[0], release)), target))


def test_disabled_feature_flags_are_named_and_those_that_block_are_told_apart() -> None:
    flags = {"quorum_queue": True, "stream_filtering": False, "message_containers": False, "khepri_db": False}
    found = faults(everything(seen(flags=flags), "2025.1"))["broker feature flags"]
    assert found.details == (
        "disabled: message_containers, stream_filtering; RabbitMQ 4.0 does not start without stream_filtering"
    )
    assert "broker feature flags" not in faults(everything(seen(flags={"khepri_db": False})))


def test_queues_are_judged_by_who_reads_them() -> None:
    fine = [queue("unread", UNREAD - 1, 0), queue("busy", BEHIND - 1, 1)]
    assert faults(everything(seen(queues=tuple(fine)))) == {}
    found = faults(everything(seen(queues=(queue("info", UNREAD, 0, growth=12.5, virtual_host="cell1"),))))
    assert found["broker queues"].about == "cell1/info"
    assert "growing by 12.5 a second" in found["broker queues"].details
    assert "nobody reads it" in found["broker queues"].details
    found = faults(everything(seen(queues=(queue("conductor", BEHIND, 4),))))
    assert "its readers fall behind" in found["broker queues"].details


def test_many_deep_queues_are_a_few_lines() -> None:
    many = tuple(queue(f"reply_{number}", UNREAD, 0) for number in range(4000))
    found = [each for each in everything(seen(queues=many)) if each.name == "broker queues"]
    assert len(found) == MOST_NAMES + 1
    assert f"{4000 - MOST_NAMES} more queues" in found[-1].details


@pytest.mark.parametrize(
    ("more", "result", "said"),
    [
        ({"members": NAMES, "online": NAMES[:1]}, "fail", "no majority"),
        ({"members": NAMES, "online": NAMES[:2]}, "warn", "rabbit@three"),
        ({"members": NAMES, "online": NAMES, "node": ""}, "fail", "without a leader"),
        ({"state": "down"}, "fail", "down, as rabbit@one is"),
    ],
)
def test_queues_without_the_nodes_that_they_need_are_named(more: dict[str, object], result: str, said: str) -> None:
    found = faults(everything(seen(queues=(queue("cinder", **more), queue("nova")))))["broker queue members"]  # type: ignore[arg-type]
    assert found.result == result
    assert said in found.details
    assert "cinder" in found.details
    assert "nova" not in found.details


@pytest.mark.parametrize(("sockets", "result"), [(799, None), (800, "warn"), (950, "fail"), (1000, "fail")])
def test_limits_are_told_before_they_are_reached(sockets: int, result: str | None) -> None:
    nodes = (node(NAMES[0], sockets=sockets), node(NAMES[1]), node(NAMES[2]))
    found = faults(everything(seen(answer(NAMES[0], nodes=nodes)))).get("broker limits")
    assert (found and found.result) == result


def test_a_node_in_maintenance_mode_is_told_where_the_release_shows_it() -> None:
    nodes = (node(NAMES[0]), replace(node(NAMES[1]), drained=True), node(NAMES[2]))
    found = faults(everything(seen(answer(NAMES[0], nodes=nodes))))["broker cluster"]
    assert (found.about, found.result, found.way_out) == (NAMES[1], "warn", "rabbitmq-upgrade revive")


def test_an_alarm_is_told_though_the_nodes_cannot_be_listed() -> None:
    deaf = answer(NAMES[0], nodes=None, nodes_reason="no answer", alarms=("memory of rabbit@two",))
    found = faults(everything(seen(deaf)))["broker alarms"]
    assert found.result == "fail"
    assert "memory of rabbit@two" in found.details


def test_credentials_that_are_refused_are_told_apart_from_servers_that_are_gone() -> None:
    refused = LoginAnswer("one:5672", "nova", "/", ("nova",), "refused", "ACCESS_REFUSED")
    gone = LoginAnswer("two:5672", "nova", "/", ("nova",), "unreachable", "Connection refused")
    first, second = login_findings([refused, gone])
    assert "rabbitmqctl authenticate_user nova" in first.way_out
    assert "systemctl start rabbitmq-server" in second.way_out


def test_the_facts_know_every_series_and_a_way_between_all_that_are_deployed() -> None:
    facts = rabbitmq()
    known = [entry.id for entry in series_list()]
    assert set(facts.deployed) <= set(known)
    assert set(known[known.index("stein") :]) == set(facts.deployed)
    releases = sorted(set(facts.deployed.values()), key=numbers)
    for position, source in enumerate(releases):
        for target in releases[position + 1 :]:
            assert facts.way(source, target), f"{source} to {target}"
    assert facts.way("4.0", "3.13") == ()
    assert numbers("3.10.8") > numbers("3.9.20")
    assert series_of("4.0.0-rc.1") == "4.0"
