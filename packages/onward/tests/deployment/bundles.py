"""Bundles that tests deploy, and what a plan of them is computed from."""

from collections.abc import Collection, Mapping
from pathlib import Path, PurePath

import yaml

from onward.catalog.charms import charms
from onward.catalog.wsgi import APACHE_PROGRAMS
from onward.model.bundle import Bundle, parse_bundle
from onward.plan.deployment.addresses import with_addresses
from onward.plan.deployment.deferring import step_digest
from onward.plan.deployment.granting import lent_out
from onward.plan.deployment.numbers import unit_numbers
from onward.plan.deployment.remote import Remote
from onward.plan.deployment.site import NETWORKS, Site, balancer_address
from onward.plan.deployment.topology import topology
from onward.plan.deployment.wish import DeploymentWish
from onward.plan.deployment.words import Words
from onward.plan.forward import EnvironmentChoice
from onward.plan.plan import Plan

REGION_ONE = """\
name: region-one
variables:
  release: &release "2025.1"
applications:
  mariadb:
    offers:
      database: {endpoints: [shared-db]}
  memcached:
  keystone:
    channel: *release
    options: {workers: 1, region: RegionOne}
    offers:
      keystone: {endpoints: [identity-service]}
  placement: {channel: *release}
  haproxy:
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [keystone, memcached]
  - [placement:shared-db, mariadb:shared-db]
  - [placement:identity-service, keystone:identity-service]
  - [haproxy, keystone]
  - [haproxy, placement]
"""
"""A model that offers what ``REGION_TWO`` uses."""
REGION_TWO = """\
name: region-two
variables:
  release: &release "2025.1"
saas:
  database: {url: region-one.database}
  keystone: {url: region-one.keystone, options: {region: RegionTwo}}
applications:
  placement: {channel: *release}
  haproxy:
relations:
  - [placement:shared-db, database:shared-db]
  - [placement:identity-service, keystone:identity-service]
  - [haproxy, placement]
"""

KEYSTONE = """\
name: {name}
applications:
  mariadb:
  memcached:
  keystone:
    channel: "2025.1"
    num_units: 2
    options: {{workers: 1, health: true, token.expiration: 7200}}
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


def related(text: str, without: Collection[tuple[str, str]] = ()) -> str:
    """A bundle with its applications alone, and the relations that ``EVERYTHING`` has among these, ``without`` some."""
    there = yaml.safe_load(text)["applications"]
    lines = []
    for relation in yaml.safe_load(EVERYTHING)["relations"]:
        user, provider = (end.partition(":")[0] for end in relation)
        if {user, provider} <= there.keys() and (user, provider) not in without:
            lines.append(f"  - [{', '.join(relation)}]\n")
    return f"{text}relations:\n{''.join(lines)}"


def lent(text: str, bundle: Bundle) -> dict[str, Remote]:
    """What a bundle's saas are, all of the model that this text describes, which is at other addresses."""
    provider = wish(text, model=next(iter(bundle.saas.values())).model, network=17)
    found = provider.topology
    owners = {offer: name for name, entry in found.applications.items() for offer in entry.offers}
    return {
        name: lent_out(found, Words(found, provider.site, owners[saas.offer]), saas.offer)
        for name, saas in bundle.saas.items()
    }


def wish(
    text: str,
    taken: Mapping[str, str] | None = None,
    leaving: Collection[str] = (),
    mutable: Collection[str] = (),
    *,
    model: str = "demo",
    network: int = 16,
    provider: str = "",
    series: str = "2025.1",
    user: str = "onward",
    **more: object,
) -> DeploymentWish:
    """``taken`` are addresses that were given before, ``leaving`` units that go, ``mutable`` options that
    every release takes over without a restart; ``provider`` is the bundle of the model that saas are of."""
    bundle, units = parse_bundle(text, "cloud.yaml"), dict[str, list[int]]()
    for unit in taken or {}:
        name, slash, number = unit.partition("/")
        if slash:
            units.setdefault(name, []).append(int(number))
    numbers = unit_numbers(bundle, units, leaving)
    found = topology(bundle, charms(), "cloud.yaml", lent(provider, bundle) if provider else {}, numbers)
    services = [name for name, charm in found.charms.items() if charm.service]
    names = [unit for name in found.applications for unit in found.units(name)]
    names += [balancer_address(name, network) for name in found.on_networks() for network in NETWORKS]
    programs = [*APACHE_PROGRAMS, *(program for charm in charms().values() for program in charm.programs)]
    site = Site(
        model=model,
        directory=PurePath(f"/var/lib/onward/models/{model}"),
        sockets=PurePath(f"/run/onward/{model}"),
        user=user,
        network=network,
        addresses=with_addresses(taken or {}, names, network),
        programs={program.command: f"/usr/bin/{program.package}" for program in programs},
        environments={name: f"/environments/{name}" for name in services},
        series=dict.fromkeys(services, series),
        mutable=dict.fromkeys(services, frozenset(mutable)),
    )
    choices = {
        name: EnvironmentChoice(
            series=series, version="1", python="/usr/bin/python3", python_version="3.11", constraints={}
        )
        for name in services
    }
    return DeploymentWish(topology=found, site=site, record={"model": model}, choices=choices, **more)  # type: ignore[arg-type]


def done(plan: Plan) -> dict[str, str]:
    """What is noted when it is carried out: its steps, and those that are done with them."""
    found = {step.id: step_digest(step) for step in plan.steps}
    for step in plan.steps:
        if step.action == "unit.start":
            found |= step.model_dump()["arguments"]["taken_over"]
    return found
