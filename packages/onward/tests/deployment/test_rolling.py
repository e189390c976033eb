"""Services of a model go to another release while they serve: in which order, and what is refused."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from bundles import EVERYTHING, done, wish
from test_planner import before

from onward.catalog.charms import charms
from onward.catalog.load import series_list
from onward.errors import RollingImpossible
from onward.hosts.state import Directories
from onward.model.bundle import Bundle
from onward.plan.deployment.deferring import step_digest
from onward.plan.deployment.move import Move
from onward.plan.deployment.planner import plan_deployment
from onward.plan.deployment.site import Site
from onward.plan.deployment.wish import DeploymentWish
from onward.plan.forward import EnvironmentChoice
from onward.plan.plan import Plan
from onward.plan.step import Step
from onward.survey.carried import CarriedOptions
from onward.survey.rolling import survey_rolling

THREE = """\
name: demo
applications:
  mariadb:
  keystone: {num_units: 2, options: {workers: 1}}
  placement: {num_units: 2}
  glance: {num_units: 3}
  haproxy:
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [placement:shared-db, mariadb:shared-db]
  - [glance:shared-db, mariadb:shared-db]
  - [placement, keystone:identity-service]
  - [glance, keystone:identity-service]
  - [haproxy, keystone]
  - [haproxy, placement]
  - [haproxy, glance]
"""
CONSTRAINTS = {"kind": "as-of-release", "location": "", "digest": ""}
PATH = ("2025.1", "2025.2", "2026.1")


def choice(name: str, series: str) -> EnvironmentChoice:
    service = charms()[name].service or ""
    version = series_list().find(series).services[service][-1].version
    return EnvironmentChoice(
        series=series, version=version, python="/usr/bin/python3", python_version="3.11", constraints=CONSTRAINTS
    )


def moving(*services: str, bundle: str = THREE, path: tuple[str, ...] = PATH) -> DeploymentWish:
    """A model that is deployed at the first release of the path, and shall go to the last one."""
    found = wish(bundle, series=path[-1])
    moves = []
    for service in services:
        applications = found.topology.of_service(service)
        owner = found.topology.owner(service) or ""
        moves.append(Move(service, owner, applications, path, {each: choice(owner, each) for each in path[1:]}))
    moved = {name for move in moves for name in move.applications}
    deployed = replace(found, site=at(found.site, dict.fromkeys(found.site.series, path[0])))
    series = {name: path[-1] if name in moved else path[0] for name in found.site.series}
    return replace(found, moves=tuple(moves), holds=done(plan_deployment(deployed)), site=at(found.site, series))


def at(site: Site, series: Mapping[str, str]) -> Site:
    """Each application with its release, in an environment of that."""
    return replace(
        site, series=series, environments={name: f"/environments/{name}/{each}" for name, each in series.items()}
    )


def planned(wanted: DeploymentWish, batch: int = 5, told: list[str] | None = None) -> Plan:
    directories = Directories(state=Path("/state"), cache=Path("/cache"))
    progress = ([] if told is None else told).append
    carry = CarriedOptions(directories, choice, progress)
    carry.to_target(Bundle(applications=dict(wanted.topology.applications)), wanted.topology, {}, {}, ())
    return survey_rolling(directories, wanted, choice, carry, batch, progress)


def order(plan: Plan, *verbs: str) -> list[str]:
    """Steps that do not overlap, in the order in which they are done."""
    found = [step.id for step in plan.steps if step.id.partition("/")[0] in verbs]
    for earlier, later in pairwise(found):
        assert earlier in before(plan, later)
    return found


def test_each_service_grows_rolls_and_shrinks_before_the_next_and_each_release_before_the_next() -> None:
    plan = planned(moving("glance", "keystone"))
    assert order(plan, "expand", "roll", "migrate", "contract") == [
        f"{verb}/{series}/{rest}" if verb == "roll" else f"{verb}/{rest}/{series}"
        for series in PATH[1:]
        for service, units in (("keystone", 2), ("glance", 3))
        for verb, rests in (
            ("expand", [service]),
            ("roll", [f"{service}/{number}" for number in range(units)]),
            ("contract", [service]),
        )
        for rest in rests
    ]


def test_no_unit_is_touched_before_its_schema_is_ready_kept_and_the_apis_are_called() -> None:
    plan = planned(moving("keystone", "placement"))
    assert {"backup/keystone", "expand/keystone/2025.2", "probe/begin", "warm/keystone/2026.1"} <= before(
        plan, "roll/2025.2/keystone/0"
    )
    assert plan.steps[-1].id == "probe/end"
    assert not [step.id for step in plan.steps if step.action in ("application.stop", "unit.start", "unit.configure")]
    assert {step.phase for step in plan.steps} == {"prepare", "deploy", "proof"}


def test_data_are_moved_by_the_new_code_of_all_units_and_the_old_schema_goes_last() -> None:
    plan = planned(moving("placement"))
    assert order(plan, "expand", "roll", "migrate", "contract")[:5] == [
        "expand/placement/2025.2",
        "roll/2025.2/placement/0",
        "roll/2025.2/placement/1",
        "migrate/placement/2025.2",
        "contract/placement/2025.2",
    ]
    reaches = [step.id for step in plan.steps if step.arguments.get("reaches")]
    assert reaches == ["contract/placement/2025.2", "contract/placement/2026.1"]


def test_each_release_is_run_with_its_own_code_and_the_last_state_is_that_of_the_bundle() -> None:
    wanted = moving("keystone")
    plan = planned(wanted)
    between, last = (plan.step(f"roll/{series}/keystone/1").arguments for series in PATH[1:])
    assert "/cache/environments/keystone-2025.2-" in str(between["start"])
    assert "/environments/keystone/" in str(last["start"])
    noted, target = deployed_by(plan), plan_deployment(replace(wanted, moves=(), holds={}))
    for step in ("configure/keystone/0", "start/keystone/1", "initialise/keystone"):
        assert noted[step] == step_digest(target.step(step))


def deployed_by(plan: Plan) -> Mapping[str, str]:
    """What is noted with the model when a rolling plan is carried out."""

    found: dict[str, str] = {}
    for step in plan.steps:
        if step.action == "unit.roll":
            for name in ("configure", "start"):
                part = Step.model_validate(step.arguments[name])
                found[part.id] = step_digest(part)
        found |= step.model_dump()["arguments"].get("settles", {})
    return found


def test_a_unit_is_taken_out_of_the_balancer_by_the_names_that_it_has_there() -> None:
    wanted = moving("keystone")
    (place,) = planned(wanted).step("roll/2025.2/keystone/1").model_dump()["arguments"]["start"]["arguments"]["behind"]
    assert (place["backend"], place["server"]) == ("keystone-public", "keystone-1")
    configuration = plan_deployment(wish(THREE)).step("configure/haproxy/0").arguments["state"]
    assert f"backend {place['backend']}\\n" in str(configuration)
    assert f"server {place['server']} {place['address']}:{place['port']} check" in str(configuration)


def test_what_an_earlier_run_has_taken_to_the_next_release_is_left_alone() -> None:
    wanted = moving("keystone", path=PATH[:2])
    rolled = planned(wanted).step("roll/2025.2/keystone/0")

    parts = [Step.model_validate(rolled.arguments[name]) for name in ("configure", "start")]
    again = replace(wanted, holds={**wanted.holds, **{part.id: step_digest(part) for part in parts}})
    assert order(planned(again), "roll") == ["roll/2025.2/keystone/1"]


def test_an_api_of_one_unit_or_without_a_balancer_is_refused_by_name() -> None:
    with pytest.raises(RollingImpossible) as refused:
        planned(moving("keystone", "glance", bundle=THREE.replace("glance: {num_units: 3}", "glance:")))
    assert "glance has one unit: an outage of glance" in refused.value.evidence
    assert "--service keystone" in refused.value.next_command
    with pytest.raises(RollingImpossible, match=r"keystone") as refused:
        planned(moving("keystone", bundle=THREE.replace("  - [haproxy, keystone]\n", "")))
    assert "no load balancer" in refused.value.evidence


def test_what_upstream_only_upgrades_in_an_outage_is_refused_by_name() -> None:
    with pytest.raises(RollingImpossible) as refused:
        planned(moving("heat", bundle=EVERYTHING))
    assert "heat: upstream documents no way" in refused.value.evidence
    assert "without --rolling" in refused.value.next_command


def test_a_bundle_that_changes_more_than_releases_is_refused() -> None:
    wanted = moving("keystone")
    holds = {step: digest for step, digest in wanted.holds.items() if step != "start/mariadb/0"}
    with pytest.raises(RollingImpossible) as refused:
        planned(replace(wanted, holds=holds))
    assert "start/mariadb/0" in refused.value.evidence


def test_no_password_is_in_the_plan() -> None:
    assert "$(secret:keystone/shared-db)" in planned(moving("keystone")).to_json()


NOVA = EVERYTHING.replace("nova-api: {", "nova-api: {num_units: 2, ").replace("num_units: 2}", "num_units: 5}")
"""One of each service, with two units of Nova's API and five computes."""


def test_what_works_for_an_api_goes_before_it_and_computes_go_last_in_batches() -> None:
    plan = planned(moving("nova", bundle=NOVA, path=PATH[:2]), batch=2)
    computes = [f"roll/2025.2/nova-compute/{number}" for number in range(5)]
    assert order_of(plan, "roll") == [
        *(f"roll/2025.2/{unit}" for unit in ("nova-conductor/0", "nova-scheduler/0", "nova-api/0", "nova-api/1")),
        *computes,
    ]
    assert computes[1] not in before(plan, computes[0])
    assert {*computes[:2]} <= before(plan, computes[2])
    assert {*computes[2:4]} <= before(plan, computes[4])


def test_units_of_two_releases_are_pinned_to_one_another_until_all_are_new() -> None:
    plan = planned(moving("nova", bundle=NOVA, path=PATH))
    steps = {step.id: str(step.arguments["configure"]) for step in plan.steps if step.action == "unit.roll"}
    pinned = {step for step, text in steps.items() if "[upgrade_levels]\\ncompute = auto" in text}
    assert pinned == {step for step in steps if step.startswith("roll/")}
    lifted = [step for step in steps if step.startswith("lift/")]
    assert {"lift/nova-conductor/0", "lift/nova-api/1", "lift/nova-compute/4"} <= {*lifted}
    assert "roll/2026.1/nova-compute/4" in before(plan, lifted[0])


def test_what_the_bundle_pins_itself_stays() -> None:
    bundle = NOVA.replace("nova-conductor: {", "nova-conductor: {options: {upgrade_levels.compute: '2025.1'}, ")
    plan = planned(moving("nova", bundle=bundle, path=PATH[:2]))
    assert "compute = 2025.1" in str(plan.step("roll/2025.2/nova-conductor/0").arguments["configure"])
    assert "lift/nova-conductor/0" not in {step.id for step in plan.steps}


def test_a_service_looks_whether_it_needs_an_outage_before_the_checks() -> None:
    wanted = moving(
        "neutron", bundle=EVERYTHING.replace("neutron-api: {", "neutron-api: {num_units: 2, "), path=PATH[:2]
    )
    plan = planned(replace(wanted, described={"cloud": "demo"}))
    assert "beforehand/neutron/2025.2" in before(plan, "gate")
    assert plan.step("beforehand/neutron/2025.2").reversible


def test_one_unit_of_what_no_caller_waits_for_is_taken_and_said() -> None:
    told: list[str] = []
    planned(moving("nova", bundle=NOVA, path=PATH[:2]), told=told)
    assert any("nova-conductor has one unit" in line for line in told)


def order_of(plan: Plan, verb: str) -> list[str]:
    return [step.id for step in plan.steps if step.id.partition("/")[0] == verb]


def test_of_a_service_all_charms_say_how_or_none_and_nothing_that_has_to_be_done_is_left_out() -> None:
    for charm in charms().values():
        of_service = [each for each in charms().values() if charm.service and each.service == charm.service]
        assert len({each.rolling is None for each in of_service}) <= 1, charm.service
        if charm.rolling is not None:
            moved = {command.argv for command in (*charm.rolling.expand, *charm.rolling.migrate)}
            assert {command.argv for command in charm.online} <= moved, charm.charm
            assert bool(charm.initialise) == bool(charm.rolling.expand), charm.charm
