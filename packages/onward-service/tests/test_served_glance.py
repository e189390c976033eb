"""Real Glance with the filter in its own api-paste.ini, and real Keystone beside it, which goes away."""

from collections.abc import Callable
from pathlib import Path

import pytest

from served_releases import DATABASE_PASSWORD, PASSWORD, Database, ServedGlance, ServedKeystone, call

SQL, IDENTITY = "sql:localhost:3306/glance", "service:identity"

pytestmark = [pytest.mark.full, pytest.mark.environments, pytest.mark.mariadb]


def test_a_keystone_that_is_gone_is_keystones_failure(
    tmp_path: Path, served_environment: Callable[[str, str], Path], database: Database, package: Path
) -> None:
    keystone = ServedKeystone(
        tmp_path / "keystone", served_environment("keystone", "2026.1"), database.make("keystone"), package
    )
    keystone.prepare()
    glance = ServedGlance(
        tmp_path / "glance",
        served_environment("glance", "2026.1"),
        database.make("glance"),
        package,
        f"http://127.0.0.1:{keystone.port}/v3",
        caches_tokens=False,
    )
    glance.prepare()
    with glance.serving(wrapped=False):
        with keystone.serving(wrapped=False):
            token = {"X-Auth-Token": keystone.token()}
            assert call(glance.port, "/v2/images", headers=token).status == 200
            seen = call(glance.port, "/health").json()
            assert {name: each["status"] for name, each in seen["checks"].items()} == {
                "calls:own": "pass",
                SQL: "pass",
                IDENTITY: "pass",
            }
            assert call(glance.port, "/health/details", headers=token).status == 200
            assert call(glance.port, "/health/details", headers={"X-Auth-Token": "nonsense"}).status == 401
            assert call(glance.port, "/health/details").status == 401
        for _ in range(3):
            assert call(glance.port, "/v2/images", headers=token).status in (401, 503)
        gone = call(glance.port, "/health")
        assert (gone.status, gone.json()["status"]) == (200, "warn")
        assert gone.json()["checks"][IDENTITY]["status"] == "fail"
        assert gone.json()["checks"][SQL]["status"] == "pass"
        assert call(glance.port, "/health/ready").status == 200
        told = [gone.body, call(glance.port, "/health/metrics").body, glance.state.read_bytes()]
    for secret in (PASSWORD, DATABASE_PASSWORD, token["X-Auth-Token"]):
        assert not any(secret.encode() in each for each in told)
