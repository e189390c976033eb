"""The bundles that come with Onward can be deployed, and what they deploy can be used."""

import hashlib
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import requests
from bundles import wish
from deploying import Operator, until

from onward.hosts.leftovers import processes_of
from onward.plan.deployment.planner import plan_deployment

EXAMPLES = sorted((Path(__file__).parents[4] / "examples").glob("*.yaml"))
MODEL = "ha-cloud"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_can_be_planned(path: Path) -> None:
    plan = plan_deployment(wish(path.read_text()))
    assert f"onward deploy examples/{path.name}" in path.read_text()
    assert len([step for step in plan.steps if step.action == "unit.start"]) > 4


class User:
    """Somebody who uses the cloud through its public addresses."""

    def __init__(self, operator: Operator) -> None:
        store = operator.store(MODEL)
        self.address = store.record()["addresses"]["haproxy public"]
        self._password = store.secrets()["keystone/admin-password"]

    def token(self) -> dict[str, str]:
        domain = {"id": "default"}
        user = {"name": "admin", "domain": domain, "password": self._password}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": "admin", "domain": domain}}
        answer = self._must(
            requests.post(
                f"http://{self.address}:5000/v3/auth/tokens",
                json={"auth": {"identity": identity, "scope": scope}},
                timeout=60,
            )
        )
        return {"X-Auth-Token": answer.headers["X-Subject-Token"]}

    def image(self, content: bytes) -> str:
        """Upload an image; its identifier."""
        token, body = self.token(), {"name": "smoke", "disk_format": "raw", "container_format": "bare"}
        base = f"http://{self.address}:9292/v2/images"
        made: dict[str, Any] = self._must(requests.post(base, json=body, headers=token, timeout=60)).json()
        headers = {**token, "Content-Type": "application/octet-stream"}
        self._must(requests.put(f"{base}/{made['id']}/file", data=content, headers=headers, timeout=60))
        return str(made["id"])

    def download(self, image: str) -> bytes:
        where = f"http://{self.address}:9292/v2/images/{image}/file"
        return self._must(requests.get(where, headers=self.token(), timeout=60)).content

    def provider(self, name: str) -> int:
        where = f"http://{self.address}:8778/resource_providers"
        return self._must(requests.post(where, json={"name": name}, headers=self.token(), timeout=60)).status_code

    @staticmethod
    def _must(answer: requests.Response) -> requests.Response:
        assert answer.ok, f"{answer.url}: {answer.status_code} {answer.text[:300]}"
        return answer


@pytest.mark.full
@pytest.mark.broker
@pytest.mark.mariadb
@pytest.mark.environments
@pytest.mark.timeout(2400)
def test_the_cloud_without_a_single_point_of_failure_is_used_and_loses_nodes(module_operator: Operator) -> None:
    example = next(path for path in EXAMPLES if path.stem == MODEL)
    module_operator.must("deploy", example)
    user, content = User(module_operator), os.urandom(100_000)
    image = user.image(content)
    assert hashlib.sha256(user.download(image)).digest() == hashlib.sha256(content).digest()
    assert user.provider("compute-0") in (200, 201)
    for unit in ("keystone/0", "glance/1", "mariadb/2", "memcached/0", "rabbitmq-server/1"):
        os.kill(module_operator.pids(MODEL)[unit], signal.SIGKILL)
        until(f"it is used while {unit} is gone", lambda: _works(user, image))
    states = lambda: set(module_operator.must("status", MODEL, "-f", "value", "-c", "State").split())  # noqa: E731
    until("all units are back", lambda: states() == {"active"})
    assert user.download(image) == content
    module_operator.destroy(MODEL)
    assert processes_of(module_operator.directories.state) == []


def _works(user: User, image: str) -> bool:
    try:
        return len(user.download(image)) > 0
    except (AssertionError, requests.RequestException):
        return False
