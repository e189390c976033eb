"""What an upgrade of services has to leave alone, looked at before and after: instances, and the data plane. Pure."""

from pydantic import JsonValue

from onward.plan.deployment.site import Site
from onward.plan.deployment.topology import Topology
from onward.plan.deployment.words import Words
from onward.plan.step import Phase, Step

BUDGET_SECONDS = 1.0
"""For how long pings may go unanswered where nobody says otherwise."""
_COMPUTE, _IDENTITY = "compute", "identity"


def untouched(topology: Topology, site: Site, budget_seconds: float) -> tuple[list[Step], list[Step]]:
    """The steps before anything is touched, and those afterwards; none for a model without computes."""
    urls = {
        each.type: (name, Words(topology, site, name).url("public", each.port) + each.path)
        for name, charm in topology.charms.items()
        for each in charm.registers
        if topology.units(name)
    }
    if _COMPUTE not in urls or _IDENTITY not in urls:
        return [], []
    keystone, identity = urls[_IDENTITY]
    asked: dict[str, JsonValue] = {
        "url": identity,
        "secret": f"{keystone}/admin-password",
        "compute": urls[_COMPUTE][1],
    }
    before = [
        _step("instances/before", "instances.remember", site, asked, "prepare", "which instances there are, and how"),
        _step("dataplane/begin", "dataplane.begin", site, {}, "prepare", "pings go through this machine all the while"),
    ]
    budget: dict[str, JsonValue] = {"begin": "dataplane/begin", "budget_seconds": budget_seconds}
    after = [
        _step("instances/after", "instances.compare", site, asked, "proof", "no instance was touched"),
        _step("dataplane/end", "dataplane.end", site, budget, "proof", "no ping was lost for longer than the budget"),
    ]
    return before, after


def _step(step: str, action: str, site: Site, arguments: dict[str, JsonValue], phase: Phase, reason: str) -> Step:
    return Step(id=step, action=action, target=site.model, arguments=arguments, reason=reason, phase=phase)
