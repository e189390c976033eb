"""The plan of a deployment: everything once, nothing before what it needs, and only what is left to do."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest
import yaml
from bundles import CLUSTERS, EVERYTHING, KEYSTONE, done, wish
from hypothesis import given
from hypothesis import strategies as st

from onward.errors import InvalidCatalogue
from onward.model.bundle import parse_bundle
from onward.model.bundle_edit import as_data, without_units
from onward.plan.deployment.planner import plan_deployment
from onward.plan.deployment.words import Words
from onward.plan.plan import Plan


def plan_of(
    text: str,
    taken: Mapping[str, str] | None = None,
    leaving: Collection[str] = (),
    mutable: Collection[str] = (),
    **more: object,
) -> Plan:
    return plan_deployment(wish(text, taken, leaving, mutable, **more))


def before(plan: Plan, step: str) -> set[str]:
    """All steps that must be done before this one."""
    found: set[str] = set()
    waiting = [step]
    while waiting:
        for need in plan.step(waiting.pop()).needs:
            if need not in found:
                found.add(need)
                waiting.append(need)
    return found


BUNDLE = KEYSTONE.format(name="demo")


def test_every_unit_is_configured_and_started_once() -> None:
    plan = plan_of(BUNDLE)
    for verb in ("configure", "start"):
        assert sorted(step.target for step in plan.steps if step.id.startswith(f"{verb}/")) == [
            "haproxy/0",
            "keystone/0",
            "keystone/1",
            "mariadb/0",
            "memcached/0",
        ]


def test_a_service_starts_when_its_schema_is_made_and_what_it_uses_serves() -> None:
    plan = plan_of(BUNDLE)
    assert {
        "initialise/keystone",
        "grant/keystone/shared-db/mariadb",
        "start/mariadb/0",
        "start/memcached/0",
    } <= before(plan, "start/keystone/1")
    assert {"start/keystone/0", "start/keystone/1", "start/haproxy/0"} <= before(plan, "publish/keystone")
    assert "start/haproxy/0" not in before(plan, "start/keystone/0")


def test_nobody_is_told_of_a_database_that_has_not_become_one_cluster() -> None:
    plan = plan_of(BUNDLE.replace("  mariadb:\n", "  mariadb: {num_units: 3}\n"))
    assert {f"start/mariadb/{number}" for number in range(3)} <= before(plan, "cluster/mariadb")
    assert "cluster/mariadb" in before(plan, "grant/keystone/shared-db/mariadb")
    begins = [step.target for step in plan.steps if step.action == "unit.start" and step.arguments["begins"]]
    assert begins == ["mariadb/0"]


def test_the_plan_has_references_where_secrets_belong() -> None:
    text = plan_of(BUNDLE).to_json()
    assert "$(secret:keystone/shared-db)" in text
    assert "$(secret:keystone/admin-password)" in text


def test_the_catalogue_has_the_balancers_addresses_and_the_options_are_written() -> None:
    wanted = wish(BUNDLE)
    plan = plan_deployment(wanted)
    public = wanted.site.addresses["haproxy public"]
    arguments = plan.step("initialise/keystone").model_dump_json()
    assert f"http://{public}:5000/v3" in arguments
    configuration = plan.step("configure/keystone/0").model_dump_json()
    assert "[token]\\nprovider = fernet\\nexpiration = 7200" in configuration
    balancer = plan.step("configure/haproxy/0").model_dump_json()
    assert f"bind {public}:5000" in balancer
    assert f"server keystone-1 {wanted.site.addresses['keystone/1']}:5000 check" in balancer


def test_what_is_as_it_shall_be_is_left_alone() -> None:
    assert plan_of(BUNDLE, holds=done(plan_of(BUNDLE))).steps == ()


def test_an_option_of_one_unit_concerns_that_unit_only() -> None:
    held = done(plan_of(BUNDLE))
    changed = BUNDLE.replace("7200}", "7200}\n    unit-options: {'1': {debug: true}}")
    left = plan_of(changed, holds=held, begun=frozenset(held))
    assert [step.id for step in left.steps] == ["configure/keystone/1", "start/keystone/1"]
    assert "debug = true" in left.step("configure/keystone/1").model_dump_json()


def reloads(text: str, held: Mapping[str, str]) -> list[str]:
    return [step.id for step in plan_of(text, mutable=("debug",), holds=held, begun=frozenset(held)).steps]


DEBUG = BUNDLE.replace("workers: 1", "workers: 1, debug: true")


def test_mutable_options_are_taken_over_without_a_restart() -> None:
    for old, new in ((BUNDLE, DEBUG), (DEBUG, BUNDLE)):
        held = done(plan_of(old, mutable=("debug",)))
        assert sorted(reloads(new, held)) == [
            "configure/keystone/0",
            "configure/keystone/1",
            "reload/keystone/0",
            "reload/keystone/1",
        ]
    assert reloads(DEBUG, done(plan_of(DEBUG, mutable=("debug",)))) == []


def test_what_is_not_mutable_restarts_and_the_rest_is_done_with_it() -> None:
    held = done(plan_of(BUNDLE, mutable=("debug",)))
    left = reloads(DEBUG.replace("7200", "600"), held)
    assert sorted(left) == [f"{verb}/keystone/{number}" for verb in ("configure", "start") for number in (0, 1)]


def test_a_unit_that_has_not_taken_over_what_was_written_still_has_to() -> None:
    """Killed between the file and the signal, or with a file that somebody else had changed."""
    held = done(plan_of(DEBUG, mutable=("debug",)))
    assert reloads(DEBUG, {step: digest for step, digest in held.items() if step != "reload/keystone/1"}) == [
        "reload/keystone/1"
    ]
    assert reloads(DEBUG, {step: digest for step, digest in held.items() if step != "configure/keystone/0"}) == [
        "configure/keystone/0",
        "reload/keystone/0",
    ]


def test_units_that_serve_are_restarted_one_after_the_other() -> None:
    held = done(plan_of(BUNDLE))
    left = plan_of(BUNDLE.replace("7200", "600"), holds=held, begun=frozenset(held))
    assert "start/keystone/0" in before(left, "start/keystone/1")


def test_a_unit_that_is_added_needs_nothing_of_the_others_but_the_balancer() -> None:
    held = done(plan_of(BUNDLE))
    more = BUNDLE.replace("num_units: 2", "num_units: 3")
    left = plan_of(more, wish(BUNDLE).site.addresses, holds=held, begun=frozenset(held))
    assert {step.id for step in left.steps} == {
        "configure/keystone/2",
        "start/keystone/2",
        "configure/haproxy/0",
        "start/haproxy/0",
    }


def without(unit: str, text: str = BUNDLE) -> Plan:
    """What is left to do when a unit of what is deployed goes."""
    before = wish(text)
    held = done(plan_deployment(before))
    left = without_units(parse_bundle(text, "cloud.yaml"), [unit])
    return plan_of(
        yaml.safe_dump(as_data(left)),
        before.site.addresses,
        leaving=[unit],
        holds=held,
        begun=frozenset(held),
        surplus=(unit,),
    )


def test_a_unit_stops_when_the_balancer_sends_nobody_to_it_any_more() -> None:
    left = without("keystone/0")
    assert "start/haproxy/0" in before(left, "remove/keystone/0")
    assert {step.id for step in left.steps} >= {"configure/haproxy/0", "start/haproxy/0", "remove/keystone/0"}
    assert "keystone-0" not in left.step("configure/haproxy/0").model_dump_json()
    assert not {"configure/keystone/1", "start/keystone/1"} & {step.id for step in left.steps}, "the other serves on"
    assert "initialise/keystone" not in {step.id for step in left.steps}, "its data are there"


def test_what_leaves_data_behind_nobody_has_is_marked() -> None:
    assert without("keystone/0").step("remove/keystone/0").reversible
    assert not without("memcached/0", "applications: {memcached: , mariadb: }").step("remove/memcached/0").reversible


def test_a_broker_is_told_by_one_that_stays_which_node_does_not_come_back() -> None:
    left = without("rabbitmq-server/0", CLUSTERS.format(name="demo"))
    leave = left.step("remove/rabbitmq-server/0").model_dump()["arguments"]["leave"]
    assert "rabbit1@127.16.0." in leave["argv"][2]
    assert 'prefix("rabbit0@"' in leave["stdin"]
    assert leave["environment"]["HOME"].endswith("units/rabbitmq-server-1")
    configuration = left.step("configure/rabbitmq-server/2").model_dump_json()
    assert "nodes.1 = rabbit1@" in configuration
    assert "nodes.2 = rabbit2@" in configuration


def test_what_was_given_to_an_application_that_is_gone_is_given_again_when_it_comes_back() -> None:
    held = done(plan_of(BUNDLE))
    rest = "applications: {memcached: }"
    left = plan_of(rest, holds=held, begun=frozenset(held), surplus=("mariadb/0",))
    assert set(left.step("remove/mariadb/0").model_dump()["arguments"]["forgets"]) == {
        "configure/mariadb/0",
        "start/mariadb/0",
        "grant/keystone/shared-db/mariadb",
        "initialise/keystone",
    }


@given(held=st.sets(st.sampled_from(sorted(step.id for step in plan_of(BUNDLE).steps))))
def test_whatever_was_done_before_the_rest_keeps_its_order(held: set[str]) -> None:
    whole = plan_of(BUNDLE)
    digests = done(whole)
    left = plan_of(BUNDLE, holds={step: digests[step] for step in held})
    steps = [step.id for step in left.steps if step.action != "unit.reload"]
    assert set(steps) == {step.id for step in whole.steps} - held
    for step in steps:
        assert before(left, step) == before(whole, step) - held


def test_the_same_wish_gives_the_same_plan() -> None:
    assert plan_of(BUNDLE).to_json() == plan_of(BUNDLE).to_json()


def test_an_environment_that_is_built_of_something_else_is_built_again() -> None:
    """Its place says so; what a later Onward installs besides stands nowhere else in the step."""
    wanted = wish(BUNDLE)
    held = done(plan_deployment(wanted))
    other = replace(
        wanted.site, environments={name: f"{path}-other" for name, path in wanted.site.environments.items()}
    )
    again = [step.id for step in plan_deployment(replace(wanted, site=other, holds=held)).steps]
    assert "environment/keystone" in again
    assert "environment/keystone" not in [step.id for step in plan_deployment(replace(wanted, holds=held)).steps]


@pytest.mark.parametrize("units", [1, 10, 1000])
def test_configurations_are_as_many_as_units(units: int) -> None:
    plan = plan_of(f"applications: {{memcached: {{num_units: {units}}}}}")
    assert sum(step.action == "unit.configure" for step in plan.steps) == units


def test_a_node_is_given_its_copy_at_a_port_and_a_plan_is_the_same_in_every_process() -> None:
    text = plan_of(CLUSTERS.format(name="demo")).to_json()
    assert "wsrep-sst-receive-address = 127.16.0.1:4444" in text
    assert " object at 0x" not in text


def test_a_node_that_is_new_joins_those_that_have_the_data_whatever_its_number() -> None:
    text = CLUSTERS.format(name="demo")
    addresses = dict(wish(text).site.addresses)
    held = done(plan_of(text))
    there = frozenset(step for step in held if step not in ("configure/mariadb/0", "start/mariadb/0"))
    left = plan_of(text, addresses, holds={step: held[step] for step in there}, begun=there)
    joins = plan_of(text.replace("3}", "4}", 1), addresses, holds={}, begun=there)
    assert [step.id for step in left.steps] == ["configure/mariadb/0", "start/mariadb/0"]
    for plan in (left, joins):
        assert not any(step.arguments["begins"] for step in plan.steps if step.id.startswith("start/mariadb"))
    assert {"start/mariadb/1", "start/mariadb/2"} <= before(joins, "start/mariadb/0")


def test_the_nodes_of_a_broker_know_each_other() -> None:
    plan = plan_of(CLUSTERS.format(name="demo"))
    text = plan.step("configure/rabbitmq-server/2").model_dump_json()
    assert all(f"nodes.{number + 1} = rabbit{number}@127.16.0." in text for number in range(3))


def test_a_word_of_a_charm_that_means_nothing_is_refused() -> None:
    wanted = wish(BUNDLE)
    words = Words(wanted.topology, wanted.site, "keystone")
    with pytest.raises(InvalidCatalogue, match="cannot be used"):
        words.fill("{{ ports.copy }}")


def test_what_takes_calls_from_the_broker_serves_when_its_queue_has_a_consumer() -> None:
    plan = plan_of(EVERYTHING)
    (conductor,) = plan.step("start/nova-conductor/0").arguments["processes"]
    assert conductor["ready"]["queue"] == "conductor.nova-conductor-0"
    assert conductor["ready"]["vhost"] == "nova"
    assert conductor["ready"]["secret"] == "rabbitmq-server/administrator"
    assert "initialise/nova-conductor" in before(plan, "start/nova-api/0")
    assert {"publish/neutron-api", "publish/glance", "start/nova-scheduler/0"} <= before(plan, "start/nova-compute/0")


@pytest.mark.parametrize(("series", "named"), [("2023.1", True), ("2024.1", False)])
def test_barbican_is_told_of_its_database_by_the_name_that_its_release_has_for_it(series: str, named: bool) -> None:
    step = plan_of(EVERYTHING, series=series).step("configure/barbican/0").model_dump(mode="json")
    files = {each["path"]: each["text"] for each in step["arguments"]["state"]["files"]}
    assert ("\nsql_connection = mysql+pymysql://" in files[".barbican/barbican.conf"]) is named
    # Releases on the way are of either kind.
    assert "\nsql_connection = mysql+pymysql://" in files["migration/.barbican/barbican.conf"]
    assert "\nconnection = mysql+pymysql://" in files["migration/.barbican/barbican.conf"]


@pytest.mark.parametrize(("series", "seconds"), [("2025.2", None), ("2026.1", 5), ("2026.2", 25)])
def test_what_nova_has_begun_does_not_hold_up_its_stop_for_minutes(series: str, seconds: int | None) -> None:
    plan = plan_of(EVERYTHING, series=series)
    for unit in ("nova-conductor/0", "nova-scheduler/0", "nova-compute/0"):
        said = re.findall(r"manager_shutdown_timeout = (\d+)", plan.step(f"configure/{unit}").model_dump_json())
        assert said == ([] if seconds is None else [str(seconds)])
        (process,) = plan.step(f"start/{unit}").arguments["processes"]
        assert process["stop_seconds"] > (seconds or 0)


def test_parts_of_nova_that_start_before_its_computes_do_not_mind_how_old_the_records_of_these_are() -> None:
    plan = plan_of(EVERYTHING)
    for unit in ("nova-conductor/0", "nova-scheduler/0", "nova-api/0", "nova-compute/1"):
        configuration = plan.step(f"configure/{unit}").model_dump_json()
        assert "[workarounds]\\ndisable_compute_service_check_for_ffu = true" in configuration


def test_what_does_not_use_one_another_goes_at_once_and_nothing_before_those_who_use_it() -> None:
    found = wish(EVERYTHING).topology
    wave = {name: number for number, names in enumerate(found.in_waves()) for name in names}
    used = [(each.requirer[0], each.provider[0]) for name in wave for each in found.used_by(name)]
    assert wave.keys() == found.applications.keys()
    assert [each for each in used if wave[each[0]] <= wave[each[1]]] == []
    assert wave["cinder-scheduler"] == wave["nova-scheduler"], "neither uses the other"


def test_each_application_is_a_user_of_its_own_who_gets_what_it_asks_for() -> None:
    plan = plan_of(EVERYTHING)
    assert plan.step("grant/nova-api/shared-db/mariadb").arguments["wants"] == {
        "databases": "nova_api nova_cell0 nova",
        "user": "nova-api",
    }
    assert plan.step("grant/cinder-scheduler/amqp/rabbitmq-server").arguments["wants"] == {
        "vhost": "cinder",
        "user": "cinder-scheduler",
    }


def test_users_of_a_database_cluster_find_it_through_the_balancer() -> None:
    wanted = wish(EVERYTHING)
    plan, balancer = plan_deployment(wanted), wanted.site.addresses["haproxy internal"]
    assert f"@{balancer}:3306/placement" in str(plan.step("configure/placement/0").arguments)
    assert plan.step("publish/mariadb").arguments["servers"] == {f"{balancer}:3306": "MariaDB"}
    assert "publish/mariadb" in before(plan, "grant/keystone/shared-db/mariadb")
    text = str(plan.step("configure/haproxy/0").arguments)
    assert "server mariadb-0 127.16.0.1:3306 check" in text
