"""When an application serves others, and what has to be so for it. Pure."""

from dataclasses import dataclass

from pydantic import JsonValue

from onward.plan.deployment.cluster import ClusterWish, Member
from onward.plan.deployment.topology import Topology
from onward.plan.deployment.words import Words


def serves(found: Topology, name: str) -> tuple[str, ...]:
    """The steps after which an application can really serve others; none for one of another model, which does."""
    if name in found.lent:
        return ()
    if found.charms[name].joins is not None:
        return (f"join/{name}",)
    if found.balancer(name) is not None:
        return (f"publish/{name}",)
    if clustered(found, name):
        return (f"cluster/{name}",)
    return tuple(f"start/{unit}" for unit in found.units(name))


def only_answers(words: Words) -> bool:
    """Whether its units do nothing but answer calls."""
    processes = words.processes()
    return bool(processes) and all(each.wsgi is not None for each in processes)


@dataclass(frozen=True)
class CalledAt:
    """Where a unit is called, past its load balancer."""

    address: str
    port: int

    def as_data(self) -> dict[str, JsonValue]:
        """The same as JSON data."""
        return {"address": self.address, "port": self.port}


def called_at(words: Words) -> dict[str, dict[str, CalledAt]]:
    """By unit and process, where those of its processes are called that do nothing but answer calls."""
    ports = {each.name: words.charm.ports[each.wsgi.port] for each in words.processes() if each.wsgi is not None}
    return {
        unit: {name: CalledAt(words.site.addresses[unit], port) for name, port in ports.items()}
        for unit in words.unit_names
        if ports
    }


def behind(words: Words, unit: str) -> list[dict[str, JsonValue]]:
    """Where a unit stands behind load balancers; HAProxy's names for it are those that its charm gives."""
    found, site = words.topology, words.site
    balancer = found.balancer(words.application)
    return [
        {
            "socket": site.socket(each),
            "backend": f"{words.application}-{process.wsgi.port}",
            "server": unit.replace("/", "-"),
            "address": site.addresses[unit],
            "port": words.charm.ports[process.wsgi.port],
            "url": words.url("internal", process.wsgi.port) + ((process.ready.path if process.ready else None) or "/"),
        }
        for each in (found.units(balancer) if balancer else ())
        for process in words.processes()
        if process.wsgi is not None
    ]


def clustered(found: Topology, name: str) -> bool:
    """Whether the units of an application have to become one cluster."""
    return found.charms[name].cluster is not None and len(found.units(name)) > 1


def cluster_wish(words: Words) -> ClusterWish:
    """Which units have to have become one cluster, and where they are asked."""
    charm, site = words.charm, words.site
    there = site.machines.get(words.unit_names[0])
    asked = [unit for unit in words.unit_names if site.machines.get(unit) == there]
    return ClusterWish(
        application=words.application,
        members=tuple(Member(unit=unit, address=site.addresses[unit], socket=site.socket(unit)) for unit in asked),
        size=len(words.unit_names) if len(asked) < len(words.unit_names) else 0,
        ports=charm.ports,
        secret=f"{words.application}/administrator" if "administrator" in charm.secrets else "",
    )


def reached_at(words: Words) -> dict[str, JsonValue]:
    """Where an application is reached through its balancer: URLs of its APIs, and what its servers say first."""
    host, charm = words.host("internal"), words.charm
    urls = [
        words.url(network, process.wsgi.port) + ((process.ready.path if process.ready else None) or "/")
        for process in words.processes()
        if process.wsgi is not None
        for network in ("public", "internal")
    ]
    return {
        "urls": list(dict.fromkeys(urls)),
        "servers": {f"{host}:{charm.ports[each.port]}": each.greets for each in words.servers()},
    }
