"""A real model goes to another release in one outage, and a run that is killed in the middle of it is gone on with."""

import json
import re
import signal
from collections.abc import Iterator

import pytest
import requests
from deploying import Operator

pytestmark = [pytest.mark.full, pytest.mark.mariadb, pytest.mark.environments, pytest.mark.timeout(2400)]

BUNDLE = """\
name: forward
applications:
  mariadb:
  keystone: {{channel: "{channel}", options: {{workers: 1}}}}
  placement: {{channel: "{channel}"}}
  haproxy:
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [placement:shared-db, mariadb:shared-db]
  - [placement, keystone:identity-service]
  - [haproxy, keystone]
  - [haproxy, placement]
"""
KILLED = ["application.stopped#1", "model.dumped#2", "application.command-run#3", "application.command-run#6"]


@pytest.fixture(params=KILLED)
def killed(request: pytest.FixtureRequest, module_operator: Operator) -> Iterator[Operator]:
    """Deployed at 2025.1, then killed on the way to 2026.1."""
    module_operator.deploy(BUNDLE.format(channel="2025.1"))
    put_provider(module_operator)
    module_operator.bundle.write_text(BUNDLE.format(channel="2026.1"))
    done = forward(module_operator, {"ONWARD_CRASH_AT": str(request.param)})
    assert done == -signal.SIGKILL
    yield module_operator
    module_operator.destroy("forward")


def forward(operator: Operator, environment: dict[str, str]) -> int:
    return operator.run("deploy", operator.bundle, environment=environment).returncode


def session(operator: Operator) -> tuple[requests.Session, str]:
    """Somebody who is logged in at the public address of Keystone, and where Placement is."""
    store = operator.store("forward")
    address, domain = store.record()["addresses"]["haproxy public"], {"id": "default"}
    user = {"name": "admin", "domain": domain, "password": store.secrets()["keystone/admin-password"]}
    identity = {"methods": ["password"], "password": {"user": user}}
    scope = {"project": {"name": "admin", "domain": domain}}
    body = {"auth": {"identity": identity, "scope": scope}}
    answer = requests.post(f"http://{address}:5000/v3/auth/tokens", json=body, timeout=60)
    answer.raise_for_status()
    found = requests.Session()
    found.headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]
    return found, f"http://{address}:8778/resource_providers"


def put_provider(operator: Operator) -> None:
    logged_in, url = session(operator)
    logged_in.post(url, json={"name": "kept"}, timeout=60).raise_for_status()


def test_killed_on_the_way_it_is_resumed_to_the_target_and_nothing_is_lost(killed: Operator) -> None:
    listed = json.loads(killed.must("runs", "list", "-f", "json"))
    (run,) = [each["Run"] for each in listed if each["Status"] == "interrupted"]
    said = killed.must("runs", "resume", run)
    assert re.search(r"the APIs were gone for: .*identity", " ".join(said.split()))
    assert killed.store("forward").series() == {"keystone": "2026.1", "placement": "2026.1"}
    logged_in, url = session(killed)
    assert [each["name"] for each in logged_in.get(url, timeout=60).json()["resource_providers"]] == ["kept"]
    assert "Nothing was changed." in killed.deploy()
