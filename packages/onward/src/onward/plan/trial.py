"""Plans the trial of a deployed model: it is used as its users use it, and hurt on purpose. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from onward.plan.deployment.dashboard import DASHBOARD
from onward.plan.deployment.topology import Topology
from onward.plan.plan import Plan
from onward.plan.step import Frozen, Step

FaultKind = Literal["kill", "stop", "disk"]
FAULTS: dict[FaultKind, str] = {
    "kill": "killed, as by a power cut",
    "stop": "stopped for a while, as by a machine that hangs: it holds its connections and says nothing",
    "disk": "no longer able to make any file longer, as with a full disk",
}
LONGEST_SECONDS: dict[FaultKind, float] = {"kill": 15.0, "stop": 30.0, "disk": 30.0}
"""For how long an API may be gone where another unit can take over. A node that hangs is given up by a Galera cluster
after 15 s (evs.suspect_timeout and evs.inactive_timeout), by HAProxy after two failed looks."""
USES = {
    "identity": "user",
    "image": "image",
    "placement": "inventory",
    "network": "network",
    "compute": "server",
    "block-storage": "volume",
    "key-manager": "secret",
    "orchestration": "stack",
    "dns": "top-level-domain",
    "load-balancer": "load-balancers",
    DASHBOARD: "dashboard",
}
"""What is made, or asked for, by the type of a service in the catalogue, or for a dashboard; in this order."""
_NEEDS = {"server": ("image", "network"), "load-balancers": ("network",)}


ACCOUNT = "onward-trial"
"""The user and the project of a trial of the model that Keystone is of."""


class Access(Frozen):
    """How the model is used: the arguments of every step of a trial."""

    url: str = Field(description="Keystone's, with /v3, as its users have it")
    region: str
    secret: str = Field(description="Name of the administrator's password")
    model: str = Field(default="", description="In whose store it is; empty: in that of the model itself")
    account: str = Field(default=ACCOUNT, description="Name of the user and the project that the trial makes")
    dashboard: str = Field(default="", description="Where it is found in a browser; empty: the model has none")


@dataclass(frozen=True)
class Fault:
    """Something that is done to a unit."""

    kind: FaultKind
    unit: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.unit}"


@dataclass(frozen=True)
class TrialWish:
    """A model, how it is used, and how it is hurt."""

    topology: Topology
    model: str
    access: Access
    faults: tuple[Fault, ...] = ()
    keep: bool = False
    """What is made stays."""
    kept: bool = False
    """What an earlier trial left is looked for before anything is made."""


def usual_faults(topology: Topology) -> tuple[Fault, ...]:
    """The faults that a model should bear: to each application of several units, or that others can do without."""
    several = [name for name in topology.applications if len(topology.units(name)) > 1]
    interfaces = {name: {each.interface for each in charm.provides.values()} for name, charm in topology.charms.items()}
    caches = [name for name in topology.applications if "memcache" in interfaces[name] and topology.units(name)]
    found = [Fault("kill", topology.units(name)[0]) for name in dict.fromkeys((*several, *caches))]
    found += [Fault("stop", topology.units(name)[-1]) for name in several if "keystone" in interfaces[name]]
    found += [Fault("disk", topology.units(name)[-1]) for name in several if "mysql-shared" in interfaces[name]]
    return tuple(found)


def plan_trial(wish: TrialWish) -> Plan:
    """The steps of a trial: everything is made, each fault comes alone, and nothing may be lost."""
    return Plan(kind="trial", cloud=wish.model, facts={}, steps=tuple(_steps(wish))).sealed()


def _steps(wish: TrialWish) -> Iterator[Step]:
    there = {"identity", *(each.type for charm in wish.topology.charms.values() for each in charm.registers)}
    if wish.access.dashboard:
        there.add(DASHBOARD)
    uses = [use for kind, use in USES.items() if kind in there]
    found = _kept(wish, "found", uses, (), "what an earlier trial left is still there")
    if wish.kept:
        yield found
    for use in uses:
        needs = tuple(need for need in _NEEDS.get(use, ()) if need in uses)
        first = (found.id,) if wish.kept else ()
        yield _use(wish, use, tuple(f"use/{need}" for need in (needs or (() if use == "user" else ("user",)))) or first)
    made: tuple[str, ...] = tuple(f"use/{use}" for use in uses)
    for fault in wish.faults:
        step = _fault(wish, fault, made)
        yield step
        made = (step.id,)
    if wish.faults:
        kept = _kept(wish, "kept", uses, made, "all that was made before is still there, and an image is what it was")
        yield kept
        made = (kept.id,)
    if wish.keep:
        return
    access = wish.access.model_dump(mode="json")
    yield Step(
        id="remove",
        action="trial.remove",
        target=wish.model,
        arguments={**access, "uses": list(uses)},
        needs=made,
        reason="nothing of the trial is left in the cloud",
        phase="cleanup",
    )


def _kept(wish: TrialWish, step: str, uses: Sequence[str], needs: tuple[str, ...], reason: str) -> Step:
    return Step(
        id=step,
        action="trial.kept",
        target=wish.model,
        arguments={**wish.access.model_dump(mode="json"), "uses": list(uses)},
        needs=needs,
        reason=reason,
        phase="proof",
    )


def _use(wish: TrialWish, use: str, needs: Sequence[str]) -> Step:
    return Step(
        id=f"use/{use}",
        action="trial.use",
        target=use,
        arguments={**wish.access.model_dump(mode="json"), "use": use},
        needs=tuple(needs),
        reason="made and used through the public addresses",
        phase="proof",
    )


def _fault(wish: TrialWish, fault: Fault, needs: tuple[str, ...]) -> Step:
    application = fault.unit.partition("/")[0]
    others = len(wish.topology.units(application)) > 1
    caches = any(each.interface == "memcache" for each in wish.topology.charms[application].provides.values())
    limit = LONGEST_SECONDS[fault.kind] if others or caches else None
    promise = f"no API may be gone for longer than {limit:g} s" if limit else "it has to come back"
    return Step(
        id=f"fault/{fault}",
        action="fault.inject",
        target=fault.unit,
        arguments={
            **wish.access.model_dump(mode="json"),
            "unit": fault.unit,
            "kind": fault.kind,
            "longest_seconds": limit,
            "servers": "compute" in {each.type for charm in wish.topology.charms.values() for each in charm.registers},
        },
        needs=needs,
        reason=f"{FAULTS[fault.kind]}; {promise}",
        phase="proof",
    )
