"""Which APIs can have onward-service in their processes, so that they tell of what they use."""

from collections.abc import Mapping

from onward.catalog.charm import Charm, CharmOption

HEALTH = "health"
"""The option by which a bundle chooses it."""
SERVICES = frozenset({"keystone", "glance", "placement", "nova", "neutron", "cinder"})
"""Those that onward-service has a plug-in for: it tells their callers apart, and knows what they cannot do without."""

_OPTIONS: Mapping[str, CharmOption] = {
    HEALTH: CharmOption(
        type="boolean",
        default=False,
        description="whether its API tells at /health of what its calls found: `onward health` shows it",
    )
}


def with_health_option(charm: Charm) -> Charm:
    """The charm with the option, where there is an API that can have it."""
    if charm.service not in SERVICES or not any(process.wsgi for process in charm.processes):
        return charm
    return charm.model_copy(update={"options": {**charm.options, **_OPTIONS}})
