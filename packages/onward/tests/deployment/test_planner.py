"""The plan of a deployment: everything once, nothing before what it needs, and only what is left to do."""

from collections.abc import Mapping

import pytest
from bundles import CLUSTERS, EVERYTHING, KEYSTONE, wish
from hypothesis import given
from hypothesis import strategies as st

from onward.errors import InvalidCatalogue
from onward.plan.deployment.planner import plan_deployment, step_digest
from onward.plan.deployment.words import Words
from onward.plan.plan import Plan


def plan_of(text: str, taken: Mapping[str, str] | None = None, **more: object) -> Plan:
    return plan_deployment(wish(text, taken, **more))


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
        "grant/keystone/shared-db",
        "start/mariadb/0",
        "start/memcached/0",
    } <= before(plan, "start/keystone/1")
    assert {"start/keystone/0", "start/keystone/1", "start/haproxy/0"} <= before(plan, "publish/keystone")
    assert "start/haproxy/0" not in before(plan, "start/keystone/0")


def test_nobody_is_told_of_a_database_that_has_not_become_one_cluster() -> None:
    plan = plan_of(BUNDLE.replace("  mariadb:\n", "  mariadb: {num_units: 3}\n"))
    assert {f"start/mariadb/{number}" for number in range(3)} <= before(plan, "cluster/mariadb")
    assert "cluster/mariadb" in before(plan, "grant/keystone/shared-db")
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


def done(plan: Plan) -> dict[str, str]:
    return {step.id: step_digest(step) for step in plan.steps}


def test_what_is_as_it_shall_be_is_left_alone() -> None:
    assert plan_of(BUNDLE, holds=done(plan_of(BUNDLE))).steps == ()


def test_an_option_of_one_unit_concerns_that_unit_only() -> None:
    held = done(plan_of(BUNDLE))
    changed = BUNDLE.replace("7200}", "7200}\n    unit-options: {'1': {debug: true}}")
    left = plan_of(changed, holds=held, begun=frozenset(held))
    assert [step.id for step in left.steps] == ["configure/keystone/1", "start/keystone/1"]
    assert "debug = true" in left.step("configure/keystone/1").model_dump_json()


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


@given(held=st.sets(st.sampled_from(sorted(done(plan_of(BUNDLE))))))
def test_whatever_was_done_before_the_rest_keeps_its_order(held: set[str]) -> None:
    whole = plan_of(BUNDLE)
    digests = done(whole)
    left = plan_of(BUNDLE, holds={step: digests[step] for step in held})
    assert {step.id for step in left.steps} == set(digests) - held
    for step in left.steps:
        assert before(left, step.id) == before(whole, step.id) - held


def test_the_same_wish_gives_the_same_plan() -> None:
    assert plan_of(BUNDLE).to_json() == plan_of(BUNDLE).to_json()


@pytest.mark.parametrize("units", [1, 10, 1000])
def test_configurations_are_as_many_as_units(units: int) -> None:
    plan = plan_of(f"applications: {{memcached: {{num_units: {units}}}}}")
    assert sum(step.action == "unit.configure" for step in plan.steps) == units


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


def test_each_application_is_a_user_of_its_own_who_gets_what_it_asks_for() -> None:
    plan = plan_of(EVERYTHING)
    assert plan.step("grant/nova-api/shared-db").arguments["wants"] == {
        "databases": "nova_api nova_cell0 nova",
        "user": "nova-api",
    }
    assert plan.step("grant/cinder-scheduler/amqp").arguments["wants"] == {
        "vhost": "cinder",
        "user": "cinder-scheduler",
    }


def test_users_of_a_database_cluster_find_it_through_the_balancer() -> None:
    wanted = wish(EVERYTHING)
    plan, balancer = plan_deployment(wanted), wanted.site.addresses["haproxy internal"]
    assert f"@{balancer}:3306/placement" in str(plan.step("configure/placement/0").arguments)
    assert plan.step("publish/mariadb").arguments["servers"] == {f"{balancer}:3306": "MariaDB"}
    assert "publish/mariadb" in before(plan, "grant/keystone/shared-db")
    text = str(plan.step("configure/haproxy/0").arguments)
    assert "server mariadb-0 127.16.0.1:3306 check" in text
