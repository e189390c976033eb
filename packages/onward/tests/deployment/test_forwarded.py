"""A real model goes to another release in one outage, and a run that is killed in the middle of it is gone on with."""

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pymysql
import pytest
import requests
from deploying import Operator

from onward.commands.plan import load_plan

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
KILLED = [
    "unit.held#1",
    "application.stopped#1",
    "model.dumped#2",
    "application.command-run#3",
    "application.command-run#6",
    "unit.started#1",
]


@pytest.fixture
def deployed(module_operator: Operator) -> Iterator[Operator]:
    """At 2025.1, with a provider of resources, and a bundle that says 2026.1."""
    module_operator.deploy(BUNDLE.format(channel="2025.1"))
    logged_in, url = session(module_operator)
    logged_in.post(url, json={"name": "kept"}, timeout=60).raise_for_status()
    module_operator.bundle.write_text(BUNDLE.format(channel="2026.1"))
    yield module_operator
    module_operator.destroy("forward")


def killed(operator: Operator, point: str) -> str:
    """The run that was killed there, on the way to 2026.1."""
    digest = re.findall(r"sha256:[0-9a-f]{64}", operator.must("deploy", operator.bundle, "--dry-run"))[-1]
    done = operator.run("deploy", operator.bundle, "--approve", digest, environment={"ONWARD_CRASH_AT": point})
    assert done.returncode == -signal.SIGKILL, done.stderr
    listed = json.loads(operator.must("runs", "list", "-f", "json"))
    return max(str(each["Run"]) for each in listed if each["Status"] == "interrupted")


def providers(operator: Operator) -> list[str]:
    logged_in, url = session(operator)
    return [each["name"] for each in logged_in.get(url, timeout=60).json()["resource_providers"]]


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


@pytest.mark.parametrize("point", KILLED)
def test_killed_on_the_way_it_is_resumed_to_the_target_and_nothing_is_lost(deployed: Operator, point: str) -> None:
    said = deployed.must("runs", "resume", killed(deployed, point))
    assert re.search(r"the APIs were gone for: .*identity", " ".join(said.split()))
    assert deployed.store("forward").series() == {"keystone": "2026.1", "placement": "2026.1"}
    assert providers(deployed) == ["kept"]
    assert "Nothing was changed." in deployed.deploy()


@pytest.mark.parametrize("again", ["", "model.emptied#2"], ids=["", "killed on the way back as well"])
def test_killed_on_the_way_it_can_go_back_to_what_it_was(deployed: Operator, again: str) -> None:
    run = killed(deployed, "application.command-run#6")
    refused = deployed.run("runs", "restore", run)
    assert refused.returncode == 4
    (digest,) = set(re.findall(r"sha256:[0-9a-f]{64}", refused.stderr))
    if again:
        done = deployed.run("runs", "restore", run, "--approve", digest, environment={"ONWARD_CRASH_AT": again})
        assert done.returncode == -signal.SIGKILL, done.stderr
        way_back = max(
            str(each["Run"])
            for each in json.loads(deployed.must("runs", "list", "-f", "json"))
            if each["Status"] == "interrupted" and each["Run"] != run
        )
        deployed.must("runs", "resume", way_back)
    else:
        deployed.must("runs", "restore", run, "--approve", digest)
    assert deployed.store("forward").series() == {"keystone": "2025.1", "placement": "2025.1"}
    assert providers(deployed) == ["kept"]
    assert "Nothing was changed." in deployed.deploy(BUNDLE.format(channel="2025.1"))


def test_a_saved_plan_takes_the_model_forward_and_is_refused_where_the_model_has_changed(
    deployed: Operator, tmp_path: Path
) -> None:
    file = tmp_path / "plan.json"
    command = ("plan", "upgrade", "--model", "forward", "--to", "2026.1", "-o", file)
    deployed.must(*command)
    plan = load_plan(file)
    assert deployed.store("forward").secrets()["keystone/admin-password"] not in file.read_text()
    deployed.must("config", "keystone", "token.expiration=7000", "--model", "forward")
    stale = deployed.run("apply", file, "--approve", plan.digest)
    assert stale.returncode == 6
    assert "what is deployed has changed since" in stale.stderr
    assert deployed.store("forward").series() == {"keystone": "2025.1", "placement": "2025.1"}
    deployed.must(*command)
    assert deployed.run("apply", file, "--approve", plan.digest).returncode == 4
    deployed.must("apply", file, "--approve", load_plan(file).digest)
    assert deployed.store("forward").series() == {"keystone": "2026.1", "placement": "2026.1"}
    assert providers(deployed) == ["kept"]
    done = deployed.run("apply", file, "--approve", load_plan(file).digest)
    assert done.returncode == 6
    assert "already" in done.stderr


def test_what_the_checks_refuse_leaves_the_model_as_it_was_and_the_way_back_leads_to_where_it_was(
    deployed: Operator,
) -> None:
    digest = re.findall(r"sha256:[0-9a-f]{64}", deployed.must("deploy", deployed.bundle, "--dry-run"))[-1]
    before, pids = deployed.store("forward").record(), deployed.pids("forward")
    refused = deployed.run("deploy", deployed.bundle, "--approve", digest, "--waive", "no such check=mistyped")
    assert refused.returncode == 4
    assert "OW802" in refused.stdout + refused.stderr
    assert (deployed.store("forward").record(), deployed.pids("forward")) == (before, pids)
    # A run that is killed when it has remembered the target, and another one instead of its resumption.
    killed(deployed, "application.stopped#1")
    run = killed(deployed, "application.command-run#6")
    (way_back,) = set(re.findall(r"sha256:[0-9a-f]{64}", deployed.run("runs", "restore", run).stderr))
    deployed.must("runs", "restore", run, "--approve", way_back)
    assert deployed.store("forward").series() == {"keystone": "2025.1", "placement": "2025.1"}
    assert providers(deployed) == ["kept"]


LOSSES = {
    "placement": ("resource_providers", "name", "SELECT name FROM resource_providers"),
    "keystone": ("project", "description", "SELECT description FROM project WHERE name = 'service'"),
}
"""By service, something of its users' that is spoilt while it is on its way."""


def test_where_a_row_is_lost_nothing_is_started_until_it_is_restored_or_let_pass(deployed: Operator) -> None:
    run = killed(deployed, "application.command-run#3")
    steps = {each["Step"]: each["Status"] for each in json.loads(deployed.must("runs", "show", run, "-f", "json"))}
    # Which lane is how far is chance: one of them has been counted, and not yet again.
    on_its_way = [name for name in LOSSES if steps[f"census/{name}"] == "done" and steps[f"compare/{name}"] != "done"]
    service = on_its_way[0]
    table, column, asked = LOSSES[service]
    spoil(deployed, service, f"UPDATE {table} SET {column} = 'lost'")
    stopped = deployed.run("runs", "resume", run)
    assert stopped.returncode == 1
    assert "OW602" in stopped.stderr + stopped.stdout
    assert f"{service}.{table}.{column}:" in " ".join(stopped.stdout.split())
    assert not any(unit.startswith(f"{service}/") for unit in deployed.pids("forward"))
    deployed.must("runs", "resume", run, "--waive", f"census@{service}=renamed by hand")
    assert spoil(deployed, service, asked) == [("lost",)]


def spoil(operator: Operator, service: str, statement: str) -> list[tuple[str, ...]]:
    """What a service's own user is told by its database."""
    store = operator.store("forward")
    server = {"host": store.record()["addresses"]["mariadb/0"], "user": service, "database": service}
    with (
        pymysql.connect(password=store.secrets()[f"{service}/shared-db"], **server) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        connection.commit()
        return list(cursor.fetchall())
