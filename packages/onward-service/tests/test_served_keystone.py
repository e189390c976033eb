"""Real Keystone behind real uWSGI on a real MariaDB: what it says of its database is what its callers made it use."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from served_releases import DATABASE_PASSWORD, PASSWORD, Database, ServedKeystone, call, until

OWN = "calls:own"
SQL = "sql:localhost:3306/keystone"

pytestmark = [pytest.mark.full, pytest.mark.environments, pytest.mark.mariadb]


@pytest.fixture
def keystone(
    tmp_path: Path, served_environment: Callable[[str, str], Path], database: Database, package: Path
) -> ServedKeystone:
    made = ServedKeystone(
        tmp_path / "keystone", served_environment("keystone", "2026.2"), database.make("keystone"), package
    )
    made.prepare()
    return made


def test_the_database_of_keystone_is_seen_through_its_callers(keystone: ServedKeystone, database: Database) -> None:
    options = {"state_file": str(keystone.state), "detail_sources": "127.0.0.1/32", "detail_roles": "admin"}
    with keystone.serving(workers=2, probes="sql", **options):
        assert call(keystone.port, "/health").json()["checks"] == {}
        token = {"X-Auth-Token": keystone.token()}
        assert call(keystone.port, "/v3/projects", headers=token).status == 200
        check = call(keystone.port, "/health").json()["checks"][SQL]
        assert (check["status"], check["losses"]) == ("pass", 0)
        assert check["uses"] > 1

        nobody_causes_a_query(keystone, database)

        assert call(keystone.port, "/health/details").status == 401
        assert call(keystone.port, "/health/details", headers={"X-Auth-Token": "nonsense"}).status == 401
        details = call(keystone.port, "/health/details", headers=token)
        assert (details.status, list(details.json()["checks"])) == (200, [OWN, SQL])
        assert call(keystone.port, "/health/probe", "POST", headers=token).status == 200

        database.server.stop()
        until(lambda: call(keystone.port, "/v3/projects", headers=token).status == 500 and both_fail(keystone))
        failed = call(keystone.port, "/health").json()
        assert failed["checks"][SQL]["output"].startswith("OperationalError 20")
        assert list(failed["checks"]) == [OWN, SQL]

        database.server.start()
        until(lambda: call(keystone.port, "/v3/projects", headers=token).status == 200 and passes(keystone))
        told = [call(keystone.port, path).body for path in ("/health", "/health/metrics", "/health/ready")]
    told += [file.read_bytes() for file in (keystone.state, keystone.home / "uwsgi.log")]
    for secret in (PASSWORD, DATABASE_PASSWORD, token["X-Auth-Token"]):
        assert not any(secret.encode() in each for each in told)


def nobody_causes_a_query(keystone: ServedKeystone, database: Database) -> None:
    """Whatever the paths are asked for by whoever has no token, the server is asked nothing."""
    engine = create_engine(database.server.url("mysql"))
    with engine.connect() as connection:

        def questions() -> int:
            return int(connection.execute(text("SHOW GLOBAL STATUS LIKE 'Questions'")).one()[1])

        own = -questions() + questions()
        before = questions()
        paths = ("/health", "/health/live", "/health/ready", "/health/metrics", "/health/details", "/health/probe")
        for number in range(10_000):
            assert call(keystone.port, paths[number % len(paths)]).status in (200, 401, 405)
        assert questions() - before == own
    engine.dispose()


def both_fail(keystone: ServedKeystone) -> bool:
    return {call(keystone.port, path).status for path in ("/health", "/health/ready")} == {503}


def passes(keystone: ServedKeystone) -> bool:
    return bool(call(keystone.port, "/health").json()["status"] == "pass")
