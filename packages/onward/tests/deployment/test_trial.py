"""The plan of a trial: what is used, what is hurt, and what is promised."""

from pathlib import Path

import pytest
from bundles import EVERYTHING, wish

from onward.errors import FaultUnknown
from onward.model.bundle import parse_bundle
from onward.plan.plan import Plan
from onward.plan.trial import Access, Fault, TrialWish, plan_trial, usual_faults
from onward.survey.trial import faults_of

CLOUD = (Path(__file__).parents[4] / "examples" / "ha-cloud.yaml").read_text()
ACCESS = Access(url="http://127.16.0.9:5000/v3", region="RegionOne", secret="keystone/admin-password")


def trial(text: str, *faults: Fault) -> Plan:
    return plan_trial(TrialWish(wish(text).topology, "demo", ACCESS, faults))


def test_everything_that_the_catalogue_registers_is_used_and_removed_in_the_end() -> None:
    plan = trial(EVERYTHING)
    used = [step.target for step in plan.steps if step.action == "trial.use"]
    assert used == [
        "user",
        "image",
        "inventory",
        "network",
        "server",
        "volume",
        "secret",
        "stack",
        "top-level-domain",
        "load-balancers",
    ]
    assert set(plan.step("use/server").needs) == {"use/image", "use/network"}
    assert plan.steps[-1].id == "remove"
    assert set(plan.steps[-1].needs) == {f"use/{each}" for each in used}


def test_somebody_logs_in_to_the_dashboard_where_there_is_one() -> None:
    access = ACCESS.model_copy(update={"dashboard": "http://127.16.0.9:8080/"})
    plan = plan_trial(TrialWish(wish(CLOUD).topology, "demo", access))
    assert plan.step("use/dashboard").needs == ("use/user",)
    assert "use/dashboard" not in {step.id for step in trial(CLOUD).steps}


def test_faults_come_one_after_the_other_and_then_nothing_may_be_lost() -> None:
    plan = trial(CLOUD, Fault("kill", "keystone/0"), Fault("disk", "mariadb/2"))
    assert plan.step("fault/disk/mariadb/2").needs == ("fault/kill/keystone/0",)
    assert plan.step("kept").needs == ("fault/disk/mariadb/2",)
    assert plan.step("remove").needs == ("kept",)


def test_only_where_others_can_take_over_is_it_promised_that_the_apis_stay() -> None:
    plan = trial(CLOUD, Fault("kill", "keystone/0"), Fault("kill", "memcached/0"), Fault("kill", "haproxy/0"))
    limits = {step.target: step.arguments["longest_seconds"] for step in plan.steps if step.action == "fault.inject"}
    assert limits["haproxy/0"] is None
    assert limits["keystone/0"] == limits["memcached/0"] == 15


def test_a_cloud_has_to_bear_the_loss_of_any_of_several_units() -> None:
    found = {str(each) for each in usual_faults(wish(CLOUD).topology)}
    assert {"kill/keystone/0", "kill/mariadb/0", "kill/rabbitmq-server/0", "kill/memcached/0"} <= found
    assert {"stop/keystone/2", "disk/mariadb/2"} <= found
    assert not any("haproxy" in each or "barbican" in each for each in found)


@pytest.mark.parametrize("named", ["kill", "kill/keystone", "kill/keystone/9", "burn/keystone/0", ""])
def test_a_fault_that_there_is_not_is_refused_before_anything_is_deployed(named: str) -> None:
    with pytest.raises(FaultUnknown):
        faults_of(parse_bundle(CLOUD, "cloud.yaml"), "cloud.yaml", [named])


def test_no_password_is_in_the_plan() -> None:
    assert "keystone/admin-password" in trial(CLOUD).to_json()
    assert "$(secret" not in trial(CLOUD).to_json()
