"""All six APIs that can tell of their health do, of what a cloud's users made them use."""

import json
from collections import defaultdict
from dataclasses import dataclass

import pytest
import requests
from bundles import related
from deploying import Operator, until

from onward.observe.keystone_login import password_login

pytestmark = [
    pytest.mark.full,
    pytest.mark.broker,
    pytest.mark.mariadb,
    pytest.mark.environments,
    pytest.mark.timeout(2400),
]

APPLICATIONS = """\
name: telling
applications:
  mariadb:
  rabbitmq-server:
  keystone: {{channel: "{channel}", options: {{health: true}}}}
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
"""
CALLS = {
    "glance/0": (9292, "/v2/images"),
    "placement/0": (8778, "/resource_providers"),
    "neutron-api/0": (9696, "/v2.0/networks"),
    "nova-api/0": (8774, "/v2.1/servers"),
    "cinder-api/0": (8776, "/v3/{project}/volumes"),
}


@pytest.mark.parametrize("channel", ["2025.1"])
def test_every_api_tells_what_its_users_made_it_use(module_operator: Operator, channel: str) -> None:
    module_operator.deploy(related(APPLICATIONS.format(channel=channel), without=[("haproxy", "mariadb")]))
    store = module_operator.store("telling")
    address = store.record()["addresses"]["haproxy public"]
    token = log_in(f"http://{address}:5000/v3", store.secrets()["keystone/admin-password"])
    for unit, (port, path) in CALLS.items():
        url = f"http://{address}:{port}{path.format(project=token.project)}"
        until(f"{unit} answers", lambda url=url: requests.get(url, headers=token.header, timeout=60).ok)  # type: ignore[misc]
    told = json.loads(module_operator.must("health", "telling", "-f", "json"))
    kinds: dict[str, set[str]] = defaultdict(set)
    for each in told:
        kinds[each["Unit"]].add(each["Component"].partition(":")[0])
    assert {"sql", "calls"} <= kinds["keystone/0"]
    assert {unit: kinds[unit] for unit in CALLS if not {"sql", "service", "calls"} <= kinds[unit]} == {}
    assert {each["State"] for each in told} <= {"pass", "warn"}


@dataclass(frozen=True)
class Token:
    project: str
    header: dict[str, str]


def log_in(url: str, password: str) -> Token:
    answers: list[requests.Response] = []

    def logged_in() -> bool:
        body = password_login("admin", password, "admin")
        answers.append(requests.post(f"{url}/auth/tokens", json=body, timeout=60))
        return answers[-1].status_code == 201

    until("the administrator is let in", logged_in)
    project = answers[-1].json()["token"]["project"]["id"]
    return Token(project, {"X-Auth-Token": answers[-1].headers["X-Subject-Token"]})
