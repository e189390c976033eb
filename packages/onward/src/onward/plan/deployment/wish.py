"""A model as it shall be, and what of it is so already: what a deployment is planned from."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from onward.plan.deployment.granting import Granted
from onward.plan.deployment.move import Move
from onward.plan.deployment.site import Site
from onward.plan.deployment.topology import Topology
from onward.plan.deployment.untouched import BUDGET_SECONDS
from onward.plan.forward import EnvironmentChoice


@dataclass(frozen=True)
class DeploymentWish:
    """A model as it shall be, and what of it is so already."""

    topology: Topology
    site: Site
    record: Mapping[str, JsonValue]
    """What is remembered of the model: its bundle, its network, its addresses."""
    choices: Mapping[str, EnvironmentChoice] = field(default_factory=dict)
    """The environment of each application of a service."""
    choices_on: Mapping[str, Mapping[str, EnvironmentChoice]] = field(default_factory=dict)
    """The same for other machines, whose interpreters may be elsewhere; by machine."""
    parallel: int = 2
    holds: Mapping[str, str] = field(default_factory=dict)
    """Digests of steps that were done before and whose effect was seen to be there still, by step."""
    begun: frozenset[str] = frozenset()
    """Steps that were done before, whether or not they still hold."""
    before: Mapping[str, JsonValue] = field(default_factory=dict)
    """What was remembered of the model until now."""
    moves: tuple[Move, ...] = ()
    """Services that go to another release."""
    described: Mapping[str, JsonValue] = field(default_factory=dict)
    """The model as a cloud file would have it; empty where nothing is checked before services move."""
    budget_seconds: float = BUDGET_SECONDS
    """For how long the data plane may be gone meanwhile."""
    surplus: tuple[str, ...] = ()
    """Units that are deployed and in the bundle no more, in the order in which they may stop."""
    withdrawn: tuple[Granted, ...] = ()
    """What applications of other models have granted and shall no longer."""
    defer: bool = False
    """Whether units that run are left running with what they have read, and owe their restart."""
    deferred: Mapping[str, str] = field(default_factory=dict)
    """Units whose restart was put off, each with the digest of the step that would start it."""
