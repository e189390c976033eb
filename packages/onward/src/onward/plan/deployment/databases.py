"""The database servers of a model, and the databases of its applications."""

from pydantic import JsonValue

from onward.plan.deployment.site import Site
from onward.plan.deployment.topology import Topology
from onward.plan.deployment.words import Words

CHARM = "mariadb"


def database_sockets(found: Topology, site: Site) -> dict[str, str]:
    """The servers of this machine, by unit, each with the socket at which it is asked."""
    return {
        unit: site.socket(unit)
        for name, charm in found.charms.items()
        if charm.charm == CHARM
        for unit in found.units(name)
        if unit not in site.machines
    }


def databases_of(words: Words) -> list[JsonValue]:
    """Where the databases of an application are, and as whom it uses them: each as a ModelDatabase is told."""
    found: list[JsonValue] = []
    for endpoint, related in words.related().items():
        asked = words.wants()[endpoint]
        if related and "databases" in asked:
            found += [
                {
                    "database": database,
                    "user": asked["user"],
                    "secret": f"{words.application}/{endpoint}",
                    "host": related["host"],
                    "port": int(related["port"]),
                }
                for database in asked["databases"].split()
            ]
    return found
