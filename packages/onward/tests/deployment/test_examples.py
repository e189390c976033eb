"""The bundles that come with Onward can be deployed, and what they deploy can be used."""

from pathlib import Path

import pytest
from bundles import wish
from deploying import Operator

from onward.hosts.leftovers import processes_of
from onward.plan.deployment.planner import plan_deployment
from onward.plan.trial import USES

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
    module_operator.destroy("all-services")
    assert processes_of(module_operator.directories.state) == []
