"""Nova, Neutron, Cinder and Placement of a real model change their release while they are used; instances stay."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from bundles import related
from deploying import Operator, until

from material.steady_callers import CALL_SECONDS, calling, token_of
from onward.commands.plan import load_plan

pytestmark = [
    pytest.mark.full,
    pytest.mark.mariadb,
    pytest.mark.broker,
    pytest.mark.environments,
    pytest.mark.timeout(2400),
]

APPLICATIONS = """\
name: computes
variables:
  release: &release "{channel}"
applications:
  mariadb:
  rabbitmq-server:
  memcached:
  keystone: {{channel: "2025.1", options: {{workers: 2}}}}
  glance: {{channel: "2025.1"}}
  placement: {{channel: *release, num_units: 2}}
  neutron-api: {{channel: *release, num_units: 2}}
  nova-conductor: {{channel: *release, num_units: 2}}
  nova-scheduler: {{channel: *release}}
  nova-api: {{channel: *release, num_units: 2}}
  nova-compute: {{channel: *release, num_units: 2}}
  neutron-simulated-agents: {{channel: *release}}
  cinder-api: {{channel: *release, num_units: 2}}
  cinder-scheduler: {{channel: *release}}
  haproxy:
"""
SERVICES = ("placement", "cinder", "neutron", "nova")
SERVERS = 5


@pytest.fixture(scope="module")
def deployed(module_operator: Operator) -> Iterator[Operator]:
    """At 2025.1, with some (fake) instances."""
    module_operator.deploy(related(APPLICATIONS.format(channel="2025.1"), without=[("glance", "memcached")]))
    boot(module_operator)
    yield module_operator
    module_operator.destroy("computes")


def boot(operator: Operator) -> None:
    """Instances without a network, on computes that do all but run them."""
    address, token = token_of(operator.store("computes"))
    session = requests.Session()
    session.headers.update({"X-Auth-Token": token, "OpenStack-API-Version": "compute 2.37"})
    image = session.post(
        f"http://{address}:9292/v2/images",
        json={"name": "small", "disk_format": "raw", "container_format": "bare"},
        timeout=CALL_SECONDS,
    ).json()["id"]
    session.put(
        f"http://{address}:9292/v2/images/{image}/file",
        data=b"x" * 512,
        headers={"Content-Type": "application/octet-stream"},
        timeout=CALL_SECONDS,
    ).raise_for_status()
    nova = f"http://{address}:8774/v2.1"
    flavor = session.post(
        f"{nova}/flavors", json={"flavor": {"name": "small", "ram": 64, "vcpus": 1, "disk": 0}}, timeout=CALL_SECONDS
    ).json()["flavor"]["id"]
    for number in range(SERVERS):
        server = {"name": f"server-{number}", "imageRef": image, "flavorRef": flavor, "networks": "none"}
        session.post(f"{nova}/servers", json={"server": server}, timeout=CALL_SECONDS).raise_for_status()

    def active() -> bool:
        found = session.get(f"{nova}/servers/detail", timeout=CALL_SECONDS).json()["servers"]
        return [each["status"] for each in found] == ["ACTIVE"] * SERVERS

    until("all instances run", active)


def test_services_with_computes_go_to_the_next_release_and_no_instance_is_touched(
    deployed: Operator, tmp_path: Path
) -> None:
    file = tmp_path / "plan.json"
    services = [word for service in SERVICES for word in ("--service", service)]
    deployed.must("plan", "upgrade", "--model", "computes", "--to", "2025.2", "--rolling", *services, "-o", file)
    address, token = token_of(deployed.store("computes"))
    urls = {
        "placement": f"http://{address}:8778/resource_providers",
        "cinder": f"http://{address}:8776/v3/volumes",
        "neutron": f"http://{address}:9696/v2.0/networks",
        "nova": f"http://{address}:8774/v2.1/servers/detail",
    }
    began = time.monotonic()
    with calling(token, urls, each=1) as seen:
        said = " ".join(deployed.must("apply", file, "--approve", load_plan(file).digest).split())
    print(f"{time.monotonic() - began:.0f} s", {name: (each.good, each.failed) for name, each in seen.items()}, said)
    assert {name: each.failed[:3] for name, each in seen.items() if each.failed} == {}
    assert f"{SERVERS} instances compared: none was touched." in said
    assert re.search(r"pings between two network namespaces: none lost|No data plane was watched", said)
    assert {deployed.store("computes").series()[name] for name in SERVICES} == {"2025.2"}
    pinned = [
        path
        for path in deployed.store("computes").directory.glob("units/nova-*/etc/nova.conf")
        if "upgrade_levels" in path.read_text()
    ]
    assert pinned == []
