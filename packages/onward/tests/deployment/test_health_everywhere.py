"""All six APIs that can tell of their health do, of what a cloud's users made them use."""

import json
from collections import defaultdict

import pytest
from deploying import Operator

pytestmark = [
    pytest.mark.full,
    pytest.mark.broker,
    pytest.mark.mariadb,
    pytest.mark.environments,
    pytest.mark.timeout(2400),
]

BUNDLE = """\
name: telling
applications:
  mariadb:
  rabbitmq-server:
  keystone: {{channel: "{channel}", options: {{workers: 1, health: true}}}}
  glance: {{channel: "{channel}", options: {{health: true}}}}
  placement: {{channel: "{channel}", options: {{health: true}}}}
  neutron-api: {{channel: "{channel}", options: {{health: true}}}}
  nova-conductor: {{channel: "{channel}"}}
  nova-scheduler: {{channel: "{channel}"}}
  nova-api: {{channel: "{channel}", options: {{health: true}}}}
  nova-compute: {{channel: "{channel}"}}
  neutron-simulated-agents: {{channel: "{channel}"}}
  cinder-api: {{channel: "{channel}", options: {{health: true}}}}
  cinder-scheduler: {{channel: "{channel}"}}
  haproxy:
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [glance, mariadb]
  - [glance, keystone:identity-service]
  - [placement, mariadb]
  - [placement, keystone:identity-service]
  - [neutron-api, mariadb]
  - [neutron-api, rabbitmq-server]
  - [neutron-api, keystone:identity-service]
  - [neutron-api, placement]
  - [nova-conductor, mariadb]
  - [nova-conductor, rabbitmq-server]
  - [nova-conductor, keystone:identity-service]
  - [nova-conductor, placement]
  - [nova-scheduler, nova-conductor]
  - [nova-scheduler, mariadb]
  - [nova-scheduler, rabbitmq-server]
  - [nova-scheduler, keystone:identity-service]
  - [nova-scheduler, placement]
  - [nova-api, nova-conductor]
  - [nova-api, mariadb]
  - [nova-api, rabbitmq-server]
  - [nova-api, keystone:identity-service]
  - [nova-api, placement]
  - [nova-api, glance]
  - [nova-api, neutron-api]
  - [nova-compute, nova-conductor]
  - [nova-compute, nova-scheduler]
  - [nova-compute, rabbitmq-server]
  - [nova-compute, keystone:identity-service]
  - [nova-compute, placement]
  - [nova-compute, glance]
  - [nova-compute, neutron-api]
  - [neutron-simulated-agents, nova-compute]
  - [neutron-simulated-agents, neutron-api]
  - [neutron-simulated-agents, rabbitmq-server]
  - [cinder-api, mariadb]
  - [cinder-api, rabbitmq-server]
  - [cinder-api, keystone:identity-service]
  - [cinder-api, glance]
  - [cinder-scheduler, cinder-api]
  - [cinder-scheduler, mariadb]
  - [cinder-scheduler, rabbitmq-server]
  - [haproxy, keystone]
  - [haproxy, glance]
  - [haproxy, placement]
  - [haproxy, neutron-api]
  - [haproxy, nova-api]
  - [haproxy, cinder-api]
"""
KINDS = {
    "keystone/0": {"sql"},
    "glance/0": {"sql", "service"},
    "placement/0": {"sql", "service"},
    "neutron-api/0": {"sql", "service", "messaging"},
    "nova-api/0": {"sql", "service", "messaging"},
    "cinder-api/0": {"sql", "service", "messaging"},
}


@pytest.mark.parametrize("channel", ["2025.1"])
def test_every_api_tells_what_its_users_made_it_use(module_operator: Operator, channel: str) -> None:
    module_operator.deploy(BUNDLE.format(channel=channel))
    module_operator.must("smoke", "telling")
    told = json.loads(module_operator.must("health", "telling", "-f", "json"))
    kinds = defaultdict(set)
    for each in told:
        if each["Component"]:
            kinds[each["Unit"]].add(each["Component"].partition(":")[0])
    assert {unit: needed <= kinds[unit] for unit, needed in KINDS.items()} == dict.fromkeys(KINDS, True), kinds
    assert {each["State"] for each in told if not each["Component"]} <= {"pass", "warn"}
    assert json.loads(module_operator.must("diagnose", "telling", "-f", "json")) == []
