"""How many executions a deployment takes: one configuration for each unit, against one for each event of a unit.

    uv run python bench/executions.py

The same bundle (MariaDB x3, RabbitMQ x3, memcached x3, Keystone x3, HAProxy, and a service of 10, 100 or 1,000 units
that uses database, Keystone and cache) is planned by Onward, and played through a model of an event-driven deployment,
as Juju documents its hooks (event_driven.py). Prints one JSON document with both counts side by side.
"""

import json
import time
from pathlib import PurePath

from event_driven import hooks
from onward.catalog.charms import charms
from onward.model.bundle import parse_bundle
from onward.plan.deployment.addresses import with_addresses
from onward.plan.deployment.planner import plan_deployment
from onward.plan.deployment.site import NETWORKS, Site, balancer_address
from onward.plan.deployment.topology import Topology, topology
from onward.plan.deployment.wish import DeploymentWish
from onward.plan.forward import EnvironmentChoice
from onward.survey.collector import collector_paused

SIZES = (10, 100, 1_000)
BUNDLE = """\
applications:
  mariadb: {{num_units: 3}}
  rabbitmq-server: {{num_units: 3}}
  memcached: {{num_units: 3}}
  keystone: {{num_units: 3}}
  haproxy:
  placement: {{num_units: {units}}}
relations:
  - [keystone, mariadb]
  - [keystone, memcached]
  - [haproxy, keystone]
  - [placement, mariadb]
  - [placement, memcached]
  - [placement, keystone]
"""


def resolved(units: int) -> Topology:
    return topology(parse_bundle(BUNDLE.format(units=units), "bundle"), charms(), "bundle")


def planned(found: Topology) -> tuple[int, int, float]:
    """Configurations and steps of Onward's plan, and the seconds that planning took."""
    names = [unit for name in found.applications for unit in found.units(name)]
    names += [balancer_address("haproxy", network) for network in NETWORKS]
    services = [name for name, charm in found.charms.items() if charm.service]
    site = Site(
        model="bench",
        directory=PurePath("/models/bench"),
        sockets=PurePath("/run/bench"),
        user="onward",
        network=16,
        addresses=with_addresses({}, names, 16),
        programs={program.command: "/usr/bin/server" for charm in charms().values() for program in charm.programs},
        environments=dict.fromkeys(services, "/environments/one"),
        series=dict.fromkeys(services, "2025.1"),
    )
    choice = EnvironmentChoice(series="2025.1", version="1", python="/p", python_version="3.11", constraints={})
    began = time.perf_counter()
    with collector_paused():
        plan = plan_deployment(
            DeploymentWish(topology=found, site=site, record={}, choices=dict.fromkeys(services, choice))
        )
    seconds = time.perf_counter() - began
    return sum(step.action == "unit.configure" for step in plan.steps), len(plan.steps), seconds


def main() -> None:
    rows = []
    for units in SIZES:
        found = resolved(units)
        configurations, steps, seconds = planned(found)
        ran = hooks(found)
        rows.append(
            {
                "units_of_the_service": units,
                "units": sum(len(found.units(name)) for name in found.applications),
                "configurations": configurations,
                "steps": steps,
                "hooks": ran.total(),
                "hooks_for_each_configuration": round(ran.total() / configurations, 1),
                "hooks_by_kind": dict(sorted(ran.items())),
                "plan_seconds": round(seconds, 2),
            }
        )
    print(json.dumps({"bench": "executions", "sizes": rows}, indent=2))


if __name__ == "__main__":
    main()
