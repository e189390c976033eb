"""Real computes at a real broker: restarted one after the other, told without a restart, and restarted once for all."""

import pytest
import requests
from bundles import related
from deploying import Operator, until

pytestmark = [
    pytest.mark.full,
    pytest.mark.mariadb,
    pytest.mark.broker,
    pytest.mark.environments,
    pytest.mark.timeout(1800),
]

APPLICATIONS = """\
name: computes
applications:
  mariadb:
  rabbitmq-server:
  keystone: {options: {workers: 1}}
  glance: {options: {workers: 1}}
  placement: {options: {workers: 1}}
  neutron-api: {options: {workers: 1}}
  nova-conductor:
  nova-scheduler:
  nova-api: {options: {workers: 1}}
  nova-compute: {num_units: 3}
"""
UNITS = tuple(f"nova-compute/{number}" for number in range(3))


def connections(operator: Operator) -> dict[str, str]:
    """Of computes: each connection's name, which has its ports, and the name that the process gave it."""
    store = operator.store("computes")
    url = f"http://{store.record()['addresses']['rabbitmq-server/0']}:15672/api/connections"
    login = ("onward", store.secrets()["rabbitmq-server/administrator"])
    told = requests.get(url, auth=login, timeout=30).json()
    return {each["name"]: each.get("user_provided_name", "") for each in told if each["user"] == "nova-compute"}


@pytest.fixture(scope="module")
def computes(module_operator: Operator) -> Operator:
    module_operator.deploy(related(APPLICATIONS))
    return module_operator


def test_computes_are_restarted_one_after_the_other_each_when_the_last_is_healthy(computes: Operator) -> None:
    computes.deploy()  # What other tests have set is taken back.
    before, old = computes.pids("computes"), connections(computes)
    said = computes.must("restart", "nova-compute", "--batch", "1", "--canary", "1")
    assert "3 units of computes restarted and healthy" in said
    now, new = computes.pids("computes"), connections(computes)
    assert {unit for unit in now if now[unit] != before[unit]} == set(UNITS)
    assert not set(old) & set(new)
    for unit in UNITS:
        assert any(f":{now[unit]}:" in name for name in new.values())
    assert "Nothing was changed" in computes.deploy()


def test_debug_for_all_reconnects_nobody_and_for_one_touches_one(computes: Operator) -> None:
    old, before = connections(computes), computes.pids("computes")
    computes.must("config", "nova-compute", "debug=true")
    assert (connections(computes), computes.pids("computes")) == (old, before)
    log = computes.store("computes").unit_directory(UNITS[2]) / "log" / "compute.log"
    until("it tells details", lambda: " DEBUG " in log.read_text(errors="replace"))
    plan = computes.must("config", "nova-compute/1", "debug=false", "--dry-run")
    assert "nova-compute/1" in plan
    assert not any(f"{verb}/nova-compute/{number}" in plan for verb in ("configure", "reload") for number in (0, 2))
    computes.must("config", "nova-compute/1", "debug=false")
    assert (connections(computes), computes.pids("computes")) == (old, before)


def test_two_changes_that_were_put_off_are_one_restart(computes: Operator) -> None:
    before = computes.pids("computes")
    computes.must("config", "nova-compute", "reserved_host_memory_mb=1024", "--defer")
    computes.must("config", "nova-compute", "reserved_host_disk_mb=2048", "--defer")
    assert computes.pids("computes") == before
    status = computes.run("status", "computes").stderr
    assert all(f"{unit} owes a restart" in status for unit in UNITS)
    assert "put off" in status
    # Whoever changes something else does not restart them.
    computes.must("config", "nova-scheduler", "scheduler.max_attempts=4")
    assert {unit: computes.pids("computes")[unit] for unit in UNITS} == {unit: before[unit] for unit in UNITS}
    computes.must("restart", "--owed", "--batch", "100%")
    now = computes.pids("computes")
    assert {unit for unit in UNITS if now[unit] != before[unit]} == set(UNITS)
    assert computes.store("computes").owed() == {}
    assert "No unit of computes owes a restart." in computes.must("restart", "--owed")


def test_what_is_set_back_restarts_nobody(computes: Operator) -> None:
    before = computes.pids("computes")
    computes.must("config", "nova-compute", "cpu_allocation_ratio=4.0", "--defer")
    assert set(computes.store("computes").owed()) == set(UNITS)
    computes.must("config", "nova-compute", "cpu_allocation_ratio=")
    assert computes.pids("computes") == before
    assert computes.store("computes").owed() == {}
