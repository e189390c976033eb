"""The database servers of a model."""

from onward.plan.deployment.site import Site
from onward.plan.deployment.topology import Topology

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
