"""A compute that does not return from an upgrade: every API serves at the target, and the run waits for it alone."""

import re
import signal
from collections.abc import Iterator

import pytest
import requests
from bundles import related
from deploying import Operator
from test_rolled_computes import SERVERS, boot
from test_unavailable import newest, said

from material.steady_callers import CALL_SECONDS, token_of

pytestmark = [
    pytest.mark.full,
    pytest.mark.mariadb,
    pytest.mark.broker,
    pytest.mark.environments,
    pytest.mark.timeout(2400),
]

APPLICATIONS = """\
name: computes
applications:
  mariadb:
  rabbitmq-server:
  memcached:
  keystone: {{channel: "2025.1", options: {{workers: 1}}}}
  glance: {{channel: "2025.1"}}
  placement: {{channel: "2025.1"}}
  neutron-api: {{channel: "2025.1"}}
  neutron-simulated-agents: {{channel: "2025.1"}}
  nova-conductor: {{channel: "{channel}"}}
  nova-scheduler: {{channel: "{channel}"}}
  nova-api: {{channel: "{channel}"}}
  nova-compute: {{channel: "{channel}", num_units: 2}}
  haproxy:
"""


@pytest.fixture
def deployed(module_operator: Operator) -> Iterator[Operator]:
    """At 2025.1, with some (fake) instances, and a bundle that says 2026.1."""
    module_operator.deploy(bundle("2025.1"))
    boot(module_operator)
    module_operator.bundle.write_text(bundle("2026.1"))
    yield module_operator
    module_operator.destroy("computes")


def bundle(channel: str) -> str:
    return related(APPLICATIONS.format(channel=channel), without=[("glance", "memcached")])


def computes(operator: Operator) -> dict[str, str]:
    """By host, whether Nova has it as up; and that all instances are listed is seen on the way."""
    address, token = token_of(operator.store("computes"))
    with requests.Session() as session:
        session.headers.update({"X-Auth-Token": token})
        nova = f"http://{address}:8774/v2.1"
        servers = session.get(f"{nova}/servers/detail", timeout=CALL_SECONDS).json()["servers"]
        assert [each["status"] for each in servers] == ["ACTIVE"] * SERVERS
        found = session.get(f"{nova}/os-services?binary=nova-compute", timeout=CALL_SECONDS).json()["services"]
        return {each["host"]: each["state"] for each in found}


def test_the_cloud_serves_and_the_run_is_resumed_when_the_compute_is_mended(deployed: Operator) -> None:
    assert set(computes(deployed).values()) == {"up"}
    digest = re.findall(r"sha256:[0-9a-f]{64}", deployed.must("deploy", deployed.bundle, "--dry-run"))[-1]
    crash = {"ONWARD_CRASH_AT": "application.command-run#3"}
    done = deployed.run("deploy", deployed.bundle, "--approve", digest, environment=crash)
    assert done.returncode == -signal.SIGKILL
    run = newest(deployed)
    configuration = deployed.store("computes").directory / "units" / "nova-compute-1" / "etc" / "nova.conf"
    away = configuration.with_suffix(".away")
    configuration.rename(away)
    stopped = deployed.run("runs", "resume", run)
    assert stopped.returncode == 1
    assert "OW911 at start/nova-compute/1" in said(stopped)
    assert f"onward runs resume {run}" in said(stopped)
    assert deployed.store("computes").series()["nova"] == "2026.1"
    assert len(computes(deployed)) == 2
    away.rename(configuration)
    resumed = deployed.must("runs", "resume", run)
    assert f"{SERVERS} instances compared: none was touched." in " ".join(resumed.split())
    assert set(computes(deployed).values()) == {"up"}
