"""The oldest release that a model can be deployed at, and the whole way from it to the newest."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from bundles import related
from deploying import Operator

from material.filled_cloud import Amount, FilledCloud, differences
from onward.commands.plan import load_plan
from onward.engine.runs import list_runs

pytestmark = [
    pytest.mark.full,
    pytest.mark.mariadb,
    pytest.mark.broker,
    pytest.mark.environments,
    pytest.mark.timeout(2400),
]

NEWEST = "2026.2"
APPLICATIONS = """\
name: oldest
variables:
  release: &release "2023.1"
applications:
  mariadb:
  rabbitmq-server:
  memcached:
  keystone: {channel: *release, options: {workers: 1, token.expiration: 7200}}
  glance: {channel: *release}
  placement: {channel: *release}
  neutron-api: {channel: *release}
  nova-conductor: {channel: *release}
  nova-scheduler: {channel: *release}
  nova-api: {channel: *release}
  nova-compute: {channel: *release}
  neutron-simulated-agents: {channel: *release}
  cinder-api: {channel: *release}
  cinder-scheduler: {channel: *release}
  barbican: {channel: *release}
  haproxy:
"""
AMOUNT = Amount(projects=2, servers=3, images=2)


@pytest.fixture
def deployed(module_operator: Operator) -> Iterator[Operator]:
    module_operator.deploy(related(APPLICATIONS))
    yield module_operator
    module_operator.destroy("oldest")


def test_it_goes_to_the_newest_with_the_tokens_instances_and_data_it_had(deployed: Operator) -> None:
    tokens, plan = deployed.bundle.with_name("tokens.json"), deployed.bundle.with_name("plan.json")
    cloud = FilledCloud(deployed.store("oldest"), tokens)
    cloud.fill(AMOUNT)
    before = cloud.remember()
    assert {kind: len(before[kind]) for kind in ("servers", "networks", "volumes", "secrets")} == {
        "servers": 3,
        "networks": 2,
        "volumes": 2,
        "secrets": 2,
    }
    deployed.must("plan", "upgrade", "--model", "oldest", "--to", NEWEST, "-o", plan)
    said = " ".join(deployed.must("apply", plan, "--approve", load_plan(plan).digest).split())
    assert f"{AMOUNT.servers} instances compared: none was touched." in said
    assert re.search(r"the APIs were gone for: .*identity", said)
    steps = {each.step.id: each for each in list_runs(deployed.directories)[-1].steps}
    # Nothing had to be waived: what cannot be told yet is said to be so.
    gate: Any = steps["gate"].evidence
    (early,) = (each for each in gate["findings"] if (each["name"], each["about"]) == ("upgrade-check", "nova 2023.2"))
    assert early["details"].startswith("cannot be told yet")
    # What Nova moves of its instances is moved when callers have their answers.
    probed, moved = steps["probe/end"].finished, steps[f"finish/nova/{NEWEST}"].started
    assert probed is not None
    assert moved is not None
    assert moved >= probed
    assert differences(before, cloud.remember()) == []
    assert set(deployed.store("oldest").series().values()) == {NEWEST}
    deployed.must("smoke", "oldest")
