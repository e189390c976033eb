"""How many executions a deployment takes: one configuration for each unit, against one for each event of a unit.

    uv run python bench/executions.py

The same bundle (MariaDB x3, RabbitMQ x3, memcached x3, Keystone x3, HAProxy, and a service of 10, 100 or 1,000 units
that uses database, broker, Keystone and cache) is planned by Onward, and played through a model of an event-driven
deployment. Its rules are those that Juju documents for charms (Hooks, in the reference of Juju 3.6):

* every unit has install, leader-elected or leader-settings-changed, config-changed and start;
* for each relation a unit has relation-created, and for each unit at the other end relation-joined, which is always
  followed by relation-changed; units of one application are related to one another where they are a cluster;
* whenever a unit changes what it has published, each unit at the other end has another relation-changed.

What is published when: a cluster's units publish their addresses when they come, and what they grant to each unit that
asks; a load-balanced API publishes its endpoint again when its VIP is there. Everything arrives once, nothing is lost
or retried: a lower bound for that model. Prints one JSON document.
"""

import json
import time
from pathlib import PurePath

from onward.catalog.charms import charms
from onward.model.bundle import parse_bundle
from onward.plan.deployment.addresses import with_addresses
from onward.plan.deployment.planner import DeploymentWish, plan_deployment
from onward.plan.deployment.site import NETWORKS, Site, balancer_address
from onward.plan.deployment.topology import BALANCED, Topology, topology
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
OF_A_UNIT = 4
"""install, leader-elected or leader-settings-changed, config-changed, start."""


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


def events(found: Topology) -> int:
    """Hooks of all units, in a deployment in which nothing happens twice that need not."""
    count = {name: len(found.units(name)) for name in found.applications}
    total = OF_A_UNIT * sum(count.values())
    for name, charm in found.charms.items():
        if (
            charm.cluster is not None
        ):  # the relation of peers: created, joined and changed, and changed when all are one
            total += count[name] * (1 + 3 * (count[name] - 1))
    for relation in found.relations:
        user, server = count[relation.requirer[0]], count[relation.provider[0]]
        total += user + server  # relation-created
        total += 2 * 2 * user * server  # relation-joined and relation-changed, at both ends
        granted = found.charms[relation.provider[0]].provides[relation.provider[1]].grants is not None
        if granted or relation.interface == BALANCED:
            total += user * server  # what was asked for is published, and each user sees it of each server
        if found.balancer(relation.provider[0]) is not None and relation.interface != BALANCED:
            total += user * server  # the endpoint changes once the load balancer is there
    return total


def main() -> None:
    rows = []
    for units in SIZES:
        found = resolved(units)
        configurations, steps, seconds = planned(found)
        rows.append(
            {
                "units_of_the_service": units,
                "units": sum(len(found.units(name)) for name in found.applications),
                "configurations": configurations,
                "steps": steps,
                "events": events(found),
                "events_for_each_configuration": round(events(found) / configurations, 1),
                "plan_seconds": round(seconds, 2),
            }
        )
    print(json.dumps({"bench": "executions", "sizes": rows}, indent=2))


if __name__ == "__main__":
    main()
