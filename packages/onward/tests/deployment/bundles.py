"""Bundles that tests deploy, and what a plan of them is computed from."""

from collections.abc import Mapping
from pathlib import Path, PurePath

from onward.catalog.charms import charms
from onward.model.bundle import parse_bundle
from onward.plan.deployment.addresses import with_addresses
from onward.plan.deployment.planner import DeploymentWish
from onward.plan.deployment.site import NETWORKS, Site, balancer_address
from onward.plan.deployment.topology import topology
from onward.plan.forward import EnvironmentChoice

KEYSTONE = """\
name: {name}
applications:
  mariadb:
  memcached:
  keystone:
    channel: "2025.1"
    num_units: 2
    options: {{workers: 1, token.expiration: 7200}}
  haproxy:
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [keystone, memcached]
  - [haproxy, keystone]
"""

EVERYTHING = (Path(__file__).parents[4] / "examples" / "all-services.yaml").read_text()
"""Every charm that there is."""

CLUSTERS = """\
name: {name}
applications:
  mariadb: {{num_units: 3}}
  rabbitmq-server: {{num_units: 3}}
"""


def wish(text: str, taken: Mapping[str, str] | None = None, **more: object) -> DeploymentWish:
    """``taken`` are addresses that were given before."""
    found = topology(parse_bundle(text, "cloud.yaml"), charms(), "cloud.yaml")
    services = [name for name, charm in found.charms.items() if charm.service]
    names = [unit for name in found.applications for unit in found.units(name)]
    balancers = [name for name in found.applications if found.balanced_by(name)]
    names += [balancer_address(name, network) for name in balancers for network in NETWORKS]
    site = Site(
        model="demo",
        directory=PurePath("/var/lib/onward/models/demo"),
        sockets=PurePath("/run/onward"),
        user="onward",
        network=16,
        addresses=with_addresses(taken or {}, names, 16),
        programs={program.command: "/usr/bin/server" for charm in charms().values() for program in charm.programs},
        environments={name: f"/environments/{name}" for name in services},
        series=dict.fromkeys(services, "2025.1"),
    )
    choices = {
        name: EnvironmentChoice(
            series="2025.1", version="1", python="/usr/bin/python3", python_version="3.11", constraints={}
        )
        for name in services
    }
    return DeploymentWish(topology=found, site=site, record={"model": "demo"}, choices=choices, **more)  # type: ignore[arg-type]
