"""Which restarts a change asks for, which are put off, and what a restart of many is planned with."""

from dataclasses import replace

import pytest
from bundles import EVERYTHING, KEYSTONE, done, wish

from onward.errors import RestartUnready
from onward.model.bundle import parse_bundle
from onward.model.machine import KnownMachine, SshAddress
from onward.model.restart import Bounds
from onward.plan.deployment.deferring import step_digest
from onward.plan.deployment.placement import racks_of
from onward.plan.deployment.planner import plan_deployment
from onward.plan.deployment.restarting import RestartArguments, RestartWish, plan_change, plan_restart, restarted_by
from onward.plan.deployment.wish import DeploymentWish
from onward.plan.plan import Plan

BUNDLE = KEYSTONE.format(name="demo")
CHANGED = BUNDLE.replace("7200", "600")
COMPUTES = EVERYTHING


def deployed(text: str, changed: str, **more: object) -> DeploymentWish:
    """A model that was deployed by one bundle, and shall be as another one says."""
    held = done(plan_deployment(wish(text)))
    return wish(changed, holds=held, begun=frozenset(held), **more)


def ids(plan: Plan) -> list[str]:
    return [step.id for step in plan.steps]


def test_a_change_that_is_put_off_writes_files_notes_the_debt_and_restarts_nobody() -> None:
    assert "start/keystone/0" in ids(plan_deployment(deployed(BUNDLE, CHANGED)))
    plan = plan_deployment(deployed(BUNDLE, CHANGED, defer=True))
    assert [each for each in ids(plan) if each.startswith("start/")] == []
    for number in (0, 1):
        assert f"configure/keystone/{number}" in ids(plan)
        assert plan.step(f"defer/keystone/{number}").needs == (f"configure/keystone/{number}",)


def test_what_was_put_off_stays_so_until_something_else_changes() -> None:
    put_off = plan_deployment(deployed(BUNDLE, CHANGED, defer=True))
    digests = {step.target: str(step.arguments["digest"]) for step in put_off.steps if step.action == "unit.defer"}
    before = done(plan_deployment(wish(BUNDLE)))
    held = before | {step: digest for step, digest in done(put_off).items() if not step.startswith("defer/")}
    later = wish(CHANGED, holds=held, begun=frozenset(held), deferred=digests)
    assert ids(plan_deployment(later)) == []
    without_note = plan_deployment(replace(later, deferred={}))
    assert ids(without_note) == ["start/keystone/0", "start/keystone/1"]
    again = wish(BUNDLE.replace("7200", "601"), holds=held, begun=frozenset(held), deferred=digests)
    assert {"start/keystone/0", "start/keystone/1"} <= set(ids(plan_deployment(again)))


def test_an_option_that_is_set_back_owes_nothing() -> None:
    held = done(plan_deployment(wish(BUNDLE))) | {
        step: digest for step, digest in done(plan_deployment(wish(CHANGED))).items() if step.startswith("configure/")
    }
    plan = plan_deployment(wish(BUNDLE, holds=held, begun=frozenset(held)))
    assert [each for each in ids(plan) if not each.startswith("reload/")] == [
        "configure/keystone/0",
        "configure/keystone/1",
    ]


def restart(
    deployment: DeploymentWish,
    *units: str,
    listed: dict[tuple[str, str], str] | None = None,
    racks: dict[str, str] | None = None,
) -> Plan:
    names = {unit.partition("/")[0] for unit in units}
    bounds = dict.fromkeys(names, Bounds(batch=2))
    return plan_restart(RestartWish(deployment, units, bounds, listed or {}, racks or {}))


def test_a_restart_starts_units_as_a_deployment_would_and_asks_those_who_know_them() -> None:
    deployment = deployed(COMPUTES, COMPUTES)
    units = deployment.topology.units("nova-compute")
    plan = restart(deployment, *units, listed={("nova-compute", "nova-compute-0"): "east"})
    assert restarted_by(plan) == units
    wanted = RestartArguments.model_validate(plan.steps[0].arguments)
    start = plan_deployment(wish(COMPUTES)).step("start/nova-compute/0")
    unit = wanted.units[0]
    assert (unit.start, unit.digest, unit.domain) == (start.arguments, step_digest(start), "zone east")
    assert unit.reports is not None
    assert (unit.reports.kind, unit.reports.host, wanted.service) == ("nova-compute", "nova-compute-0", "nova")
    # Whom its service does not list before is not waited for in that list.
    assert all(each.reports is None for each in wanted.units[1:])
    assert wanted.broker is not None
    assert wanted.broker.secret == "rabbitmq-server/administrator"
    assert "mariadb/0" in wanted.databases


def test_a_cluster_keeps_its_majority_and_others_a_unit() -> None:
    deployment = deployed(COMPUTES, COMPUTES)
    for name in ("mariadb", "keystone"):
        count = len(deployment.topology.units(name))
        plan = restart(deployment, *deployment.topology.units(name))
        most = RestartArguments.model_validate(plan.steps[0].arguments).most_away
        assert most == max(1, (count - 1) // 2 if name == "mariadb" else count - 1)


def test_the_plan_says_where_nobody_serves_meanwhile() -> None:
    for units, reason in (
        ("num_units: 2", "keystone/0 begins anew"),
        ("num_units: 1", "keystone/0 begins anew; there is no other that serves meanwhile"),
    ):
        bundle = BUNDLE.replace("num_units: 2", units)
        (step,) = restart(deployed(bundle, bundle), "keystone/0").steps
        assert step.reason == reason


def test_units_whose_files_are_not_what_they_shall_be_are_not_restarted() -> None:
    with pytest.raises(RestartUnready) as refused:
        restart(deployed(BUNDLE, CHANGED), "keystone/0")
    assert "configure/keystone/0" in refused.value.evidence


def change(deployment: DeploymentWish, *units: str) -> Plan:
    wish = RestartWish(deployment, units, {"keystone": Bounds(batch=1)})
    return plan_change(plan_deployment(deployment), wish)


def test_a_change_writes_every_file_and_then_restarts_in_batches_in_one_plan() -> None:
    plan = change(deployed(BUNDLE, CHANGED, defer=True), "keystone/0", "keystone/1")
    assert restarted_by(plan) == ("keystone/0", "keystone/1")
    assert set(plan.step("restart/keystone").needs) == set(ids(plan)) - {"restart/keystone"}
    assert {"configure/keystone/0", "defer/keystone/0"} <= set(ids(plan))
    assert plan.facts == plan_deployment(deployed(BUNDLE, CHANGED)).facts


def test_who_begins_anew_takes_nothing_over_before_and_who_does_not_takes_it_over() -> None:
    options = ["DEFAULT/debug"]
    put_off = deployed(BUNDLE, CHANGED, mutable=options, defer=True)
    plan = change(put_off, "keystone/1")
    assert "reload/keystone/1" in ids(plan_deployment(put_off)), "so that this can fail"
    assert {each for each in ids(plan) if each.startswith("reload/keystone")} == {"reload/keystone/0"}
    assert {each for each in ids(plan) if each.startswith("defer/")} == {"defer/keystone/0", "defer/keystone/1"}


def test_a_change_that_concerns_no_unit_that_runs_restarts_none() -> None:
    assert ids(change(deployed(BUNDLE, BUNDLE, defer=True))) == []


def test_applications_follow_those_that_they_use() -> None:
    plan = restart(deployed(COMPUTES, COMPUTES), "nova-compute/0", "keystone/0")
    assert [step.target for step in plan.steps] == ["keystone", "nova-compute"]
    assert plan.steps[1].needs == ("restart/keystone",)


RACKED = """\
name: demo
machines:
  "1": {rack: a}
  "2": {rack: 7}
  "3":
  "4": {address: "ssh://root@far.example", rack: said here}
  "5": {address: "ssh://root@near.example:2222"}
applications:
  memcached: {num_units: 4, to: ["1", "2", "lxd:2", "3"]}
"""


def test_a_rack_is_what_is_lost_together_within_its_zone_and_before_the_machine() -> None:
    known = [
        KnownMachine(name="any", address=SshAddress(host="near.example", port=2222), rack="as told"),
        KnownMachine(name="4", address=SshAddress(host="far.example"), rack="another"),
    ]
    racks = racks_of(parse_bundle(RACKED, "b").machines, known)
    # What the bundle says goes before what is known of the address.
    assert racks == {"1": "a", "2": "7", "4": "said here", "5": "as told"}

    deployment = deployed(RACKED, RACKED)
    plan = restart(deployment, *deployment.topology.units("memcached"), racks=racks)
    told = RestartArguments.model_validate(plan.steps[0].arguments).units
    assert [each.domain for each in told] == ["rack a", "rack 7", "rack 7", "machine 3"]

    computes = EVERYTHING.replace("applications:", "machines: {one: {rack: a}}\napplications:").replace(
        "nova-compute: {", "nova-compute: {to: [one, one], "
    )
    listed = {("nova-compute", "nova-compute-0"): "east"}
    deployment = deployed(computes, computes)
    plan = restart(deployment, *deployment.topology.units("nova-compute")[:2], listed=listed, racks={"one": "a"})
    told = RestartArguments.model_validate(plan.steps[0].arguments).units
    assert [each.domain for each in told] == ["zone east, rack a", "rack a"]
