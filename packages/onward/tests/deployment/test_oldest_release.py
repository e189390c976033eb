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
  glance: {{channel: "{channel}"}}
  barbican: {{channel: "{channel}"}}
  haproxy:
relations:
  - [keystone, mariadb]
  - [keystone, memcached]
  - [placement, mariadb]
  - [placement, keystone:identity-service]
  - [placement, memcached]
  - [glance, mariadb]
  - [glance, keystone:identity-service]
  - [barbican, mariadb]
  - [barbican, keystone:identity-service]
  - [haproxy, keystone]
  - [haproxy, glance]
  - [haproxy, barbican]
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
    made = {
        f"http://{public}:8778/resource_providers": {"name": "kept"},
        f"http://{public}:9292/v2/images": {"name": "kept"},
        f"http://{public}:9311/v1/secrets": {"name": "kept", "payload": "a word", "payload_content_type": "text/plain"},
    }
    for url, body in made.items():
        session.post(url, json=body, timeout=60).raise_for_status()
    deployed.bundle.write_text(BUNDLE.format(channel=NEWEST))
    digest = re.findall(r"sha256:[0-9a-f]{64}", deployed.must("deploy", deployed.bundle, "--dry-run"))[-1]
    deployed.must("deploy", deployed.bundle, "--approve", digest)
    for url in made:
        (things,) = (each for each in session.get(url, timeout=60).json().values() if isinstance(each, list))
        assert [each["name"] for each in things] == ["kept"]
    (secret,) = session.get(f"http://{public}:9311/v1/secrets", timeout=60).json()["secrets"]
    payload = f"http://{public}:9311/v1/secrets/{secret['secret_ref'].rpartition('/')[2]}/payload"
    assert session.get(payload, headers={"Accept": "text/plain"}, timeout=60).text == "a word"
    assert set(deployed.store("oldest").series().values()) == {NEWEST}
