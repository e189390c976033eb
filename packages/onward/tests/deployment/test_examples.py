"""The bundles that come with Onward can be deployed, and what they deploy can be used."""

from pathlib import Path

import pytest
from bundles import KEYSTONE, wish
from deploying import Operator

from onward.hosts.leftovers import processes_of
from onward.observe.cloud_api import cloud_api
from onward.plan.deployment.planner import plan_deployment
from onward.plan.trial import USES
from onward.survey.check import CheckWish, survey_check
from onward.survey.options import EnvironmentWish

EXAMPLES = sorted((Path(__file__).parents[4] / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_can_be_planned(path: Path) -> None:
    plan = plan_deployment(wish(path.read_text()))
    assert f"onward deploy examples/{path.name}" in path.read_text()
    assert len([step for step in plan.steps if step.action == "unit.start"]) > 4


@pytest.mark.full
@pytest.mark.broker
@pytest.mark.mariadb
@pytest.mark.environments
@pytest.mark.timeout(2400)
def test_the_cloud_of_several_units_is_used_loses_any_of_them_and_nothing_is_left(module_operator: Operator) -> None:
    example = next(path for path in EXAMPLES if path.stem == "ha-cloud")
    said = module_operator.must("test", example)
    assert "ha-cloud-test can be used, bore" in said
    assert "and lost nothing" in said
    assert "Nothing of ha-cloud-test is left." in said
    assert processes_of(module_operator.directories.state) == []


@pytest.mark.full
@pytest.mark.broker
@pytest.mark.mariadb
@pytest.mark.environments
@pytest.mark.timeout(2400)
def test_every_service_is_used_and_deployed_twice_nothing_changes(module_operator: Operator) -> None:
    example = next(path for path in EXAMPLES if path.stem == "all-services")
    module_operator.must("deploy", example)
    said = module_operator.must("smoke", "all-services")
    for use in USES.values():
        assert use in said
    assert "Nothing was changed." in module_operator.must("deploy", example)
    assert reporting_from_outside(module_operator, "all-services") >= {"nova", "cinder", "neutron"}
    module_operator.destroy("all-services")
    assert processes_of(module_operator.directories.state) == []


def reporting_from_outside(operator: Operator, model: str) -> set[str]:
    """The services whose processes report, as somebody is told who has nothing but credentials."""
    directory = operator.store(model).directory / "units" / "keystone-0" / "etc"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OS_CLIENT_CONFIG_FILE", str(directory / "clouds.yaml"))
        found = survey_check(
            operator.directories,
            None,
            CheckWish(),
            EnvironmentWish(constraints="as-of-release", parallel=1),
            progress=lambda _: None,
            api=lambda: cloud_api(model),
        )
    return {each.about for each in found if (each.name, each.result) == ("services reporting", "pass")}


@pytest.mark.full
@pytest.mark.mariadb
@pytest.mark.environments
@pytest.mark.timeout(1200)
def test_a_cloud_of_keystone_alone_is_hurt_and_only_what_it_has_is_called(module_operator: Operator) -> None:
    module_operator.bundle.write_text(KEYSTONE.format(name="alone"))
    said = module_operator.must("test", module_operator.bundle, "--fault", "kill/keystone/0")
    assert "alone-test can be used, bore 1 fault and lost nothing" in " ".join(said.split())
