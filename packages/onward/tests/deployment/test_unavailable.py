"""What a model needs is gone while it goes to another release: the run stops, says what, and goes on or back."""

import json
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pymysql
import pytest
from deploying import Operator
from test_forwarded import providers, session
from told import told

pytestmark = [pytest.mark.full, pytest.mark.mariadb, pytest.mark.environments, pytest.mark.timeout(2400)]

BUNDLE = """\
name: forward
applications:
  mariadb:
  rabbitmq-server:
  keystone: {{channel: "{channel}", options: {{workers: 1}}}}
  placement: {{channel: "{channel}"}}
  heat: {{channel: "{channel}"}}
  haproxy:
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [placement:shared-db, mariadb:shared-db]
  - [heat:shared-db, mariadb:shared-db]
  - [heat, rabbitmq-server]
  - [placement, keystone:identity-service]
  - [heat, keystone:identity-service]
  - [haproxy, keystone]
  - [haproxy, placement]
  - [haproxy, heat]
"""
SERVICES = ("heat", "keystone", "placement")


@pytest.fixture
def deployed(module_operator: Operator) -> Iterator[Operator]:
    """At 2025.1, with a provider of resources, and a bundle that says 2026.1."""
    module_operator.deploy(BUNDLE.format(channel="2025.1"))
    logged_in, url = session(module_operator)
    logged_in.post(url, json={"name": "kept"}, timeout=60).raise_for_status()
    module_operator.bundle.write_text(BUNDLE.format(channel="2026.1"))
    yield module_operator
    module_operator.destroy("forward")


def forward(operator: Operator, **environment: str) -> subprocess.CompletedProcess[str]:
    digest = re.findall(r"sha256:[0-9a-f]{64}", operator.must("deploy", operator.bundle, "--dry-run"))[-1]
    return operator.run("deploy", operator.bundle, "--approve", digest, environment=environment)


def newest(operator: Operator) -> str:
    """The run that was begun last."""
    listed = json.loads(operator.must("runs", "list", "-f", "json"))
    return str(max(listed, key=lambda each: each["Run"].split("-", 1)[1])["Run"])


def restore(operator: Operator, run: str) -> None:
    refused = operator.run("runs", "restore", run)
    found = re.findall(r"sha256:[0-9a-f]{64}", refused.stderr)
    if found:
        operator.must("runs", "restore", run, "--approve", found[-1])
    else:
        assert refused.returncode == 0, refused.stderr


def at(operator: Operator, series: str) -> None:
    """All services are at a release, and serve."""
    assert operator.store("forward").series() == dict.fromkeys(SERVICES, series)
    assert providers(operator) == ["kept"]


def said(done: subprocess.CompletedProcess[str]) -> str:
    return told(done.stdout + done.stderr)


@contextmanager
def small_disk(directory: Path) -> Iterator[None]:
    """Runs are kept where hardly anything fits. What is kept there is copied back in the end."""
    kept = directory.with_name("kept-runs")
    shutil.copytree(directory, kept)
    words = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(directory)]
    mounted = subprocess.run(words, check=False, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode()}")
    try:
        yield
        shutil.copytree(directory, kept, dirs_exist_ok=True)
    finally:
        subprocess.run(["umount", str(directory)], check=True)
    shutil.copytree(kept, directory, dirs_exist_ok=True)


def fill(directory: Path) -> Path:
    """Leave room for a few lines of a log, and for no dump."""
    ballast = directory / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(directory).free - 24_576))
    return ballast


def test_a_full_disk_stops_it_before_anything_is_migrated_and_the_way_back_starts_what_was_stopped(
    deployed: Operator,
) -> None:
    runs = deployed.directories.state / "runs"
    with small_disk(runs):
        assert forward(deployed, ONWARD_CRASH_AT="application.stopped#1").returncode == -signal.SIGKILL
        run = newest(deployed)
        ballast = fill(runs)
        done = deployed.run("runs", "resume", run)
        assert done.returncode == 1
        assert re.search(r"OW204 at (backup|census)/", said(done))
        assert f"onward runs resume {run}" in said(done)
        ballast.unlink()
        restore(deployed, run)
        at(deployed, "2025.1")
    # And again, with room enough and a port that somebody else has taken meanwhile.
    assert forward(deployed, ONWARD_CRASH_AT="application.command-run#3").returncode == -signal.SIGKILL
    run = newest(deployed)
    address = deployed.store("forward").record()["addresses"]["placement/0"]
    with closing(socket.create_server((address, 8778))):
        stopped = deployed.run("runs", "resume", run)
        assert stopped.returncode == 1
        assert "OW911 at start/placement/0" in said(stopped)
        assert f"onward runs resume {run}" in said(stopped)
    deployed.must("runs", "resume", run)
    at(deployed, "2026.1")


def test_data_that_a_migration_stumbles_over_stops_it_and_the_way_back_leads_to_what_was_there(
    deployed: Operator,
) -> None:
    # A table of that name is made on the way.
    heat(deployed, "CREATE TABLE resource_snapshot (id INT PRIMARY KEY, word VARCHAR(9))")
    heat(deployed, "INSERT INTO resource_snapshot VALUES (7, 'left')")
    done = forward(deployed)
    assert done.returncode == 1
    assert re.search(r"OW601 at migrate/heat/20\d\d\.\d", said(done))
    assert "resource_snapshot" in said(done)
    run = newest(deployed)
    assert f"onward runs restore {run}" in said(done)
    again = deployed.run("runs", "resume", run)
    assert again.returncode == 1
    assert "OW601" in said(again)
    restore(deployed, run)
    at(deployed, "2025.1")
    assert heat(deployed, "SELECT id, word FROM resource_snapshot") == [(7, "left")]


def test_without_its_database_it_stops_where_it_is_and_says_what_is_down(deployed: Operator) -> None:
    goes_on_after("mariadb/0", deployed, r"(migrate|backup|census|compare)/")


def test_without_its_broker_it_stops_where_it_is_and_says_what_is_down(deployed: Operator) -> None:
    goes_on_after("rabbitmq-server/0", deployed, r"start/(keystone|placement|heat)")


def goes_on_after(lost: str, operator: Operator, step: str) -> None:
    """A server is lost amid the outage: the run stops at such a step, says why, and goes on when the server is back."""
    assert forward(operator, ONWARD_CRASH_AT="application.command-run#3").returncode == -signal.SIGKILL
    run = newest(operator)
    operator.supervisor("forward").stop([lost])
    stopped = operator.run("runs", "resume", run)
    assert stopped.returncode == 1
    assert re.search(f"OW916 at {step}", said(stopped))
    assert f"{lost} does not run" in said(stopped)
    assert f"onward diagnose forward onward runs resume {run}" in said(stopped)
    assert not [unit for unit in operator.pids("forward") if unit.split("/")[0] in SERVICES]
    operator.must("restart", lost)
    operator.must("runs", "resume", run)
    at(operator, "2026.1")


def heat(operator: Operator, statement: str) -> list[tuple[object, ...]]:
    """What Heat's own user is told by its database."""
    store = operator.store("forward")
    server = {"host": store.record()["addresses"]["mariadb/0"], "user": "heat", "database": "heat"}
    with (
        pymysql.connect(password=store.secrets()["heat/shared-db"], **server) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        connection.commit()
        return list(cursor.fetchall())
