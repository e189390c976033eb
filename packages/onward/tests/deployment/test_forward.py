"""Services of a deployed model go to another release: one outage, each release in turn, nothing lost."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from bundles import EVERYTHING, done, wish
from test_planner import before

from onward.errors import BundleInvalid, NotSlurp, TargetNotAhead
from onward.hosts.model_store import ModelStore
from onward.plan.deployment.move import Move
from onward.plan.deployment.planner import plan_deployment
from onward.plan.deployment.wish import DeploymentWish
from onward.plan.forward import EnvironmentChoice
from onward.plan.plan import Plan
from onward.survey.moves import survey_moves

PATH = ("2025.1", "2025.2", "2026.1")
KEYSTONE, NOVA, SCHEDULER = "keystone", "nova-conductor", "nova-scheduler"


def choice(_: str, series: str) -> EnvironmentChoice:
    return EnvironmentChoice(
        series=series, version="1", python="/usr/bin/python3", python_version="3.11", constraints={}
    )


def moving(*services: str, bundle: str = EVERYTHING) -> DeploymentWish:
    found = wish(bundle, series="2026.1")
    moves = []
    for service in services:
        applications = tuple(name for name, charm in found.topology.charms.items() if charm.service == service)
        owner = next(name for name in applications if found.topology.charms[name].initialise)
        moves.append(Move(service, owner, applications, PATH, {each: choice(owner, each) for each in PATH}))
    holds = {grant: digest for grant, digest in done(plan_deployment(found)).items() if grant.startswith("grant/")}
    return wish(bundle, series="2026.1", moves=tuple(moves), holds=holds)


def moved(*services: str, bundle: str = EVERYTHING) -> Plan:
    return plan_deployment(moving(*services, bundle=bundle))


def actions(plan: Plan, action: str) -> list[str]:
    return [step.id for step in plan.steps if step.action == action]


def commands(plan: Plan, step: str) -> list[str]:
    return [each["name"] for each in plan.step(step).arguments["commands"]]  # type: ignore[index, union-attr]


def test_a_service_goes_through_every_release_with_that_releases_own_code() -> None:
    plan = moved("nova")
    assert actions(plan, "application.migrate") == [
        "finish/nova/2025.1",
        "migrate/nova/2025.2",
        "migrate/nova/2026.1",
        "finish/nova/2026.1",
    ]
    assert commands(plan, "migrate/nova/2025.2") == ["api_db sync", "db sync"]
    assert plan.step("migrate/nova/2026.1").arguments["environment"] == "environment/nova/2026.1"
    assert "initialise/nova-conductor" not in {step.id for step in plan.steps}


def test_data_that_no_release_on_the_way_needs_moved_is_moved_when_callers_have_their_answers() -> None:
    plan = moved("nova", "cinder")
    step = plan.step("finish/nova/2026.1")
    assert (step.phase, commands(plan, step.id)) == ("proof", ["online_data_migrations"])
    assert "probe/end" in before(plan, step.id)
    assert step.arguments["environment"] == "environment/nova/2026.1"
    # Of Cinder nobody has looked whether it may wait.
    assert "online_data_migrations" in commands(plan, "migrate/cinder/2025.2")
    assert "finish/cinder/2026.1" not in {each.id for each in plan.steps}


def test_nothing_is_stopped_before_everything_is_built_imported_and_called() -> None:
    plan = moved("nova", "keystone")
    ready = {step.id for step in plan.steps if step.action in ("application.warm", "application.environment")}
    for step in actions(plan, "application.stop"):
        assert ready - {each for each in ready if each.count("/") == 1} <= before(plan, step)
        assert {"probe/begin", "finish/nova/2025.1"} <= before(plan, step)


def test_no_schema_changes_below_a_unit_that_runs_and_not_before_its_backup() -> None:
    plan = moved("nova")
    stops = {"stop/nova-api", "stop/nova-conductor", "stop/nova-scheduler", "stop/nova-compute"}
    for series in PATH[1:]:
        assert {*stops, "backup/nova"} <= before(plan, f"migrate/nova/{series}")
    databases = {each["database"] for each in plan.step("backup/nova").arguments["databases"]}  # type: ignore[index, union-attr, call-overload]
    assert databases == {"nova_api", "nova_cell0", "nova"}


def test_files_of_large_databases_are_copied_where_one_server_of_the_model_has_them_all() -> None:
    (files,) = {
        str(step.arguments["files"]) for step in moved("nova", "keystone").steps if step.action == "model.backup"
    }
    assert "mariadb-0.sock" in files
    assert str(128 << 20) in files
    cluster = moved("keystone", bundle=EVERYTHING.replace("  mariadb:", "  mariadb: {num_units: 3}", 1))
    assert "files" not in cluster.step("backup/keystone").arguments


def test_nothing_is_started_before_every_row_is_seen_to_be_there_still() -> None:
    plan = moved("nova", "keystone")
    for unit, service in (("nova-api/0", "nova"), ("keystone/0", "keystone")):
        waited = before(plan, f"start/{unit}")
        assert {f"census/{service}", f"compare/{service}"} <= waited
        assert f"census/{service}" in before(plan, f"migrate/{service}/2025.2")
        assert f"migrate/{service}/2026.1" in before(plan, f"compare/{service}")
    assert {"stop/nova-api", "stop/nova-compute"} <= before(plan, "census/nova")
    assert plan.step("compare/nova").arguments["source"] == "2025.1"


def test_only_the_target_is_started_and_files_change_when_nobody_reads_them() -> None:
    plan = moved("nova")
    for unit in ("nova-api/0", "nova-scheduler/0", "nova-compute/1"):
        assert "migrate/nova/2026.1" in before(plan, f"start/{unit}")
        assert f"stop/{unit.partition('/')[0]}" in before(plan, f"configure/{unit}")
    assert {"publish/nova-api", "join/nova-compute"} <= before(plan, "probe/end")


def test_nothing_is_stopped_or_remembered_before_the_checks_have_passed() -> None:
    plan = plan_deployment(replace(moving("nova", "keystone"), described={"cloud": "demo"}))
    assert {"warm/nova/2026.1", "finish/nova/2025.1"} <= before(plan, "gate")
    for step in ("record", "stop/nova-api", "probe/begin"):
        assert "gate" in before(plan, step)
    assert plan.step("gate").arguments["ways"] == {"nova": [*PATH], "keystone": [*PATH]}
    assert "gate" not in {step.id for step in moved("nova").steps}


def test_the_targets_code_is_imported_before_anything_is_stopped_and_by_those_units_alone_that_say_so() -> None:
    plan = moved("nova", "keystone")
    held = {"hold/nova-api/0", "hold/nova-scheduler/0", "hold/keystone/0"}
    assert held <= set(actions(plan, "unit.hold"))
    assert held <= before(plan, "stop/keystone") & before(plan, "stop/nova-compute")
    assert "environment/keystone/2026.1" in before(plan, "hold/keystone/0")
    keystone, start = plan.step("hold/keystone/0"), plan.step("start/keystone/0")
    # What is let go is what would be started.
    for name in ("processes", "configuration", "unit"):
        assert keystone.arguments[name] == start.arguments[name]
    assert keystone.phase == "prepare"
    apache = EVERYTHING.replace("options: {workers: 1}", "options: {wsgi-server: apache}", 1)
    assert "hold/keystone/0" not in {step.id for step in moved("keystone", bundle=apache).steps}
    assert not actions(plan_deployment(wish(EVERYTHING)), "unit.hold")


def test_an_api_opens_with_its_first_unit_and_waits_for_no_other_service_that_moves() -> None:
    bundle = EVERYTHING.replace("  keystone: {", "  keystone: {num_units: 2, ", 1)
    plan = moved("keystone", "placement", "glance", bundle=bundle)
    assert not {"start/keystone/0", "publish/keystone"} & before(plan, "start/placement/0")
    assert not {"start/keystone/0", "publish/keystone"} & before(plan, "publish/glance")
    assert "start/keystone/1" not in before(plan, "publish/keystone")
    assert "publish/keystone" in before(plan, "start/keystone/1")
    assert {"start/keystone/1", "publish/glance"} <= before(plan, "probe/end")


def test_what_takes_calls_from_the_broker_starts_when_those_it_uses_are_there() -> None:
    plan = moved("keystone", "placement", "nova")
    assert {"publish/placement", "publish/keystone"} <= before(plan, "start/nova-compute/0")


def test_units_that_only_answer_calls_are_told_from_those_that_work_by_themselves() -> None:
    plan = moved("nova")
    assert set(plan.step("stop/nova-api").arguments["serving"]) == {"nova-api/0"}  # type: ignore[arg-type]
    assert plan.step("stop/nova-scheduler").arguments["serving"] == {}
    serving = moved("neutron").step("stop/neutron-api").arguments["serving"]
    assert [*serving["neutron-api/0"]] == ["api"]  # type: ignore[call-overload, index, misc]


def test_lanes_of_services_do_not_wait_for_one_another() -> None:
    plan = moved("nova", "keystone", "neutron")
    for service in ("nova", "keystone", "neutron"):
        others = {"nova", "keystone", "neutron"} - {service}
        waited = before(plan, f"migrate/{service}/2026.1")
        assert not {f"migrate/{other}/{series}" for other in others for series in PATH} & waited


def test_callers_are_told_at_the_balancer_before_a_unit_stops_and_get_it_back_when_it_serves() -> None:
    plan = moved("keystone", "nova")
    place = plan.step("stop/keystone").arguments["behind"][0]  # type: ignore[index, call-overload]
    assert (place["backend"], place["server"]) == ("keystone-public", "keystone-0")
    assert plan.step("start/keystone/0").arguments["behind"] == [place]
    assert plan.step("stop/nova-scheduler").arguments["behind"] == []


def test_what_cannot_be_taken_back_is_marked_and_the_outage_is_told_from_the_rest() -> None:
    plan = moved("glance")
    assert [step.id for step in plan.steps if not step.reversible] == ["migrate/glance/2025.2", "migrate/glance/2026.1"]
    outage = {step.id for step in plan.steps if step.phase == "outage"}
    assert {"stop/glance", "backup/glance", "migrate/glance/2026.1", "start/glance/0", "publish/glance"} <= outage
    assert "start/keystone/0" not in outage


def test_no_password_is_in_the_plan() -> None:
    text = moved("keystone", "nova").to_json()
    assert '"secret": "keystone/admin-password"' in text
    assert '"secret": "nova-conductor/shared-db"' in text


def test_the_way_back_puts_backups_in_place_of_the_databases_before_anything_of_it_starts() -> None:
    found = wish(EVERYTHING).topology
    applications = tuple(name for name, charm in found.charms.items() if charm.service == "placement")
    move = Move("placement", "placement", applications, ("2025.1",), backups={"placement": "/backup/placement.sql"})
    plan = plan_deployment(wish(EVERYTHING, moves=(move,)))
    assert plan.step("restore/placement").arguments["backups"] == {"placement": "/backup/placement.sql"}
    assert "stop/placement" in before(plan, "restore/placement")
    assert "restore/placement" in before(plan, "start/placement/0")
    assert not plan.step("restore/placement").reversible
    assert {"initialise/placement", "probe/begin", "probe/end"}.isdisjoint({step.id for step in plan.steps})
    # One that never left runs until it is stopped with the others.
    as_it_is = done(plan_deployment(wish(EVERYTHING)))
    again = {step.id for step in plan_deployment(wish(EVERYTHING, moves=(move,), holds=as_it_is)).steps}
    assert {"stop/placement", "start/placement/0"} <= again
    assert "start/glance/0" not in again


def surveyed(
    store: ModelStore, channels: Iterable[tuple[str, str]] = (), target: str = "2026.1", *, slurp: bool = False
) -> tuple[Move, ...]:
    found = wish(EVERYTHING, series=target)
    choices = {name: choice(name, target) for name, charm in found.topology.charms.items() if charm.service}
    choices |= {name: choice(name, series) for name, series in channels}
    return survey_moves(found.topology, store, {}, choices, choice, "2025.1", slurp=slurp)


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    found = ModelStore(tmp_path_factory.mktemp("model"))
    for service in ("keystone", "nova"):
        found.note_series(service, "2025.1")
    return found


def test_services_whose_databases_are_older_move_and_new_ones_do_not(store: ModelStore) -> None:
    moves = {move.service: move for move in surveyed(store)}
    assert set(moves) == {"keystone", "nova"}
    assert moves["nova"].path == PATH
    assert set(moves["nova"].applications) == {"nova-api", "nova-conductor", "nova-scheduler", "nova-compute"}
    # Keystone's old code has nothing to finish: it is not built.
    assert set(moves["keystone"].environments) == set(PATH[1:])
    assert set(moves["nova"].environments) == set(PATH)


def test_where_a_run_ended_on_the_way_the_rest_of_the_way_is_gone(store: ModelStore) -> None:
    store.note_series("nova", "2025.2")
    assert {move.service: move.path for move in surveyed(store)}["nova"] == PATH[1:]
    store.note_series("nova", "2026.1")
    assert [move.service for move in surveyed(store)] == ["keystone"]


def test_with_slurp_a_service_skips_what_lies_between(store: ModelStore) -> None:
    moves = {move.service: move for move in surveyed(store, slurp=True)}
    assert moves["nova"].path == ("2025.1", "2026.1")
    assert set(moves["nova"].environments) == {"2025.1", "2026.1"}
    store.note_series("nova", "2025.2")
    with pytest.raises(NotSlurp):
        surveyed(store, slurp=True)


def test_a_way_back_is_refused(store: ModelStore) -> None:
    with pytest.raises(TargetNotAhead):
        surveyed(store, target="2024.2")


def test_applications_of_one_service_move_together(store: ModelStore) -> None:
    with pytest.raises(BundleInvalid) as refused:
        surveyed(store, [("nova-compute", "2025.1")])
    assert "applications.nova-compute.channel: 2025.1" in refused.value.evidence
