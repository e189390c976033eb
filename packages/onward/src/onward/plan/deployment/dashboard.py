"""Where the people of a model find its dashboard: its own, or that of another model. Pure."""

from onward.plan.deployment.site import Site, balancer_address
from onward.plan.deployment.topology import Topology
from onward.plan.deployment.words import Words

DASHBOARD = "dashboard"
"""The interface of a dashboard that is offered to other models."""


def dashboard_url(found: Topology, site: Site) -> str | None:
    """The address for a browser, on the public network; None where the model has none."""
    for name, charm in found.charms.items():
        words = Words(found, site, name)
        for endpoint, provision in charm.provides.items():
            if provision.interface == DASHBOARD and found.units(name):
                return words.offered(endpoint)["url"]
        for endpoint, requirement in charm.requires.items():
            offered = words.related()[endpoint] if requirement.interface == DASHBOARD and found.units(name) else None
            if offered is not None:
                return f"http://{site.addresses[balancer_address(name, 'public')]}:{offered['port']}/"
    return None
