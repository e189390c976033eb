"""A deployed model as a cloud file would describe it, for whatever looks at clouds."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePath

from onward.catalog.charm import Charm
from onward.catalog.load import recipe
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.model.cloud import (
    Cloud,
    DatabaseServers,
    IdentityAccess,
    Infrastructure,
    MessageBroker,
    Service,
    Unit,
)
from onward.plan.deployment.databases import database_sockets
from onward.plan.deployment.serving import called_at
from onward.plan.deployment.site import Site
from onward.plan.deployment.topology import Topology
from onward.plan.deployment.words import Words
from onward.survey.options import EnvironmentWish
from onward.survey.recorded import known_model, recorded_site, recorded_topology
from onward.survey.wsgi import further_packages

BROKER = "rabbitmq-server"
BROKER_ADMINISTRATOR = "onward"
"""default_user in the charm of the broker."""
CREDENTIALS = "etc/clouds.yaml"
"""Of a unit of Keystone: the administrator's."""


def cloud_of_model(directories: Directories, model: str) -> Cloud:
    """The model's services with their files and units, and what they stand on. Raises ModelUnknown.

    It holds no secret: the administrator's password is in a file of the first unit of Keystone.
    """
    store = known_model(directories, model)
    found, site = recorded_topology(store.record()), recorded_site(store)
    series = store.series()
    services = dict.fromkeys(charm.service for charm in found.charms.values() if charm.service)
    return Cloud(
        cloud=model,
        services={
            service: Service(
                series=series.get(service),
                configuration=(str(_configuration(found, site, owner)),),
                units=tuple(_units(found, site, service)),
            )
            for service in services
            for owner in [found.owner(service)]
            if owner is not None and found.units(owner)
        },
        infrastructure=_infrastructure(found, site, store),
    )


def environments_of_model(directories: Directories, model: str, wish: EnvironmentWish) -> EnvironmentWish:
    """The same wish, with what the environments of the model's services have besides. Raises ModelUnknown."""
    found = recorded_topology(known_model(directories, model).record())
    services = {charm.service for charm in found.charms.values() if charm.service}
    return replace(wish, also={service: further_packages(found, service) for service in services})


def _configuration(found: Topology, site: Site, owner: str) -> Path:
    """The file of the first unit of the application that owns the schema: where options are, or of the usual name."""
    charm = found.charms[owner]
    usual = {PurePath(path).name for path in recipe(charm.service or "").configuration}
    file = next(each.path for each in charm.files if each.options or PurePath(each.path).name in usual)
    return Path(site.unit_directory(found.units(owner)[0])) / file


def _units(found: Topology, site: Site, service: str) -> Iterator[Unit]:
    for name in found.of_service(service):
        urls = _urls(Words(found, site, name), found.charms[name])
        yield from (Unit(name=unit, url=urls.get(unit)) for unit in found.units(name))


def _urls(words: Words, charm: Charm) -> Mapping[str, str]:
    """Where units answer past their load balancer."""
    path = charm.registers[0].path if charm.registers else ""
    called = called_at(words)
    return {
        unit: f"http://{each.address}:{each.port}{path}"
        for unit, processes in called.items()
        for each in processes.values()
    }


def _infrastructure(found: Topology, site: Site, store: ModelStore) -> Infrastructure:
    servers = tuple(_addresses(found, site, "mariadb", "sql"))
    keystones = [unit for name in found.of_service("keystone") for unit in found.units(name)]
    file = Path(site.unit_directory(keystones[0])) / CREDENTIALS if keystones else None
    return Infrastructure(
        database=DatabaseServers(nodes=servers, cluster_size=len(servers) or None, sockets=_sockets(found, site)),
        broker=_broker(found, site, store.directory.name),
        identity=IdentityAccess(cloud=store.directory.name, file=str(file))
        if file is not None
        else IdentityAccess(ask=False),
    )


def _broker(found: Topology, site: Site, model: str) -> MessageBroker:
    brokers = [name for name, charm in found.charms.items() if charm.charm == BROKER]
    if not brokers:
        return MessageBroker()
    return MessageBroker(
        management=tuple(f"http://{each}" for each in _addresses(found, site, BROKER, "management")),
        user=BROKER_ADMINISTRATOR,
        password=f"model:{model}/{brokers[0]}/administrator",
    )


def _sockets(found: Topology, site: Site) -> dict[str, str]:
    """Those of the database servers of this machine, by where they listen."""
    return {
        f"{site.addresses[unit]}:{found.charms[unit.partition('/')[0]].ports['sql']}": socket
        for unit, socket in database_sockets(found, site).items()
    }


def _addresses(found: Topology, site: Site, kind: str, port: str) -> Iterator[str]:
    for name, charm in found.charms.items():
        if charm.charm == kind:
            yield from (f"{site.addresses[unit]}:{charm.ports[port]}" for unit in found.units(name))
