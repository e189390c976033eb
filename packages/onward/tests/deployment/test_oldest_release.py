"""The oldest release that a model can be deployed at, and the whole way from it to the newest."""

import re
from collections.abc import Iterator

import pytest
import requests
from deploying import Operator

from onward.observe.keystone_login import password_login

pytestmark = [pytest.mark.full, pytest.mark.mariadb, pytest.mark.environments, pytest.mark.timeout(1200)]

OLDEST, NEWEST = "2023.1", "2026.2"
BUNDLE = """\
name: oldest
applications:
  mariadb:
  memcached:
  keystone: {{channel: "{channel}", options: {{workers: 1, token.expiration: 7200}}}}
  placement: {{channel: "{channel}"}}
  haproxy:
relations:
  - [keystone, mariadb]
  - [keystone, memcached]
  - [placement, mariadb]
  - [placement, keystone:identity-service]
  - [placement, memcached]
  - [haproxy, keystone]
  - [haproxy, placement]
"""


@pytest.fixture
def deployed(module_operator: Operator) -> Iterator[Operator]:
    module_operator.deploy(BUNDLE.format(channel=OLDEST))
    yield module_operator
    module_operator.destroy("oldest")


def test_it_serves_with_its_cache_and_goes_to_the_newest_with_the_tokens_and_data_it_had(deployed: Operator) -> None:
    record = deployed.store("oldest").record()
    public = record["addresses"]["haproxy public"]
    password = deployed.store("oldest").secrets()["keystone/admin-password"]
    login = requests.post(
        f"http://{public}:5000/v3/auth/tokens", json=password_login("admin", password, "admin"), timeout=60
    )
    login.raise_for_status()
    session = requests.Session()
    session.headers["X-Auth-Token"] = login.headers["X-Subject-Token"]
    providers = f"http://{public}:8778/resource_providers"
    session.post(providers, json={"name": "kept"}, timeout=60).raise_for_status()
    deployed.bundle.write_text(BUNDLE.format(channel=NEWEST))
    digest = re.findall(r"sha256:[0-9a-f]{64}", deployed.must("deploy", deployed.bundle, "--dry-run"))[-1]
    deployed.must("deploy", deployed.bundle, "--approve", digest)
    assert {each["name"] for each in session.get(providers, timeout=60).json()["resource_providers"]} == {"kept"}
    assert set(deployed.store("oldest").series().values()) == {NEWEST}
