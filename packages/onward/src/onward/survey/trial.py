"""Everything that the plan of a trial is computed from."""

from collections.abc import Sequence
from dataclasses import replace

from onward.catalog.charm import Charm
from onward.catalog.charms import charms
from onward.errors import BundleUnsatisfied, FaultUnknown
from onward.hosts.state import Directories
from onward.model.bundle import Bundle
from onward.plan.deployment.dashboard import dashboard_url
from onward.plan.deployment.topology import Topology, topology
from onward.plan.deployment.words import Words
from onward.plan.plan import Plan
from onward.plan.trial import ACCOUNT, FAULTS, Access, Fault, FaultKind, TrialWish, plan_trial, usual_faults
from onward.survey.machines import require_here
from onward.survey.recorded import known_model, recorded_site, recorded_topology

IDENTITY = "keystone"
"""The interface of Keystone."""


def survey_smoke(directories: Directories, model: str, *, keep: bool = False, kept: bool = False) -> Plan:
    """The plan that uses a model, and hurts nothing. Raises ModelUnknown, BundleUnsatisfied.

    With ``keep`` what it makes stays; with ``kept`` it looks first for what an earlier one has left.
    """
    return plan_trial(replace(_wish(directories, model, ()), keep=keep, kept=kept))


def survey_trial(directories: Directories, model: str, faults: Sequence[str]) -> Plan:
    """The plan that uses a model and hurts it, by these faults (KIND/UNIT) or the usual ones.

    Raises ModelUnknown, BundleUnsatisfied, FaultUnknown.
    """
    found = _topology(directories, model)
    require_here(known_model(directories, model).record().get("placed", {}), "Units are hurt on purpose")
    chosen = tuple(_fault(found, each) for each in faults) or usual_faults(found)
    return plan_trial(_wish(directories, model, chosen))


def faults_of(bundle: Bundle, file: str, faults: Sequence[str]) -> tuple[Fault, ...]:
    """The faults that are named, or the usual ones, for a bundle that is not deployed yet. Raises FaultUnknown."""
    found = topology(bundle, charms(), file)
    return tuple(_fault(found, each) for each in faults) or usual_faults(found)


def _wish(directories: Directories, model: str, faults: tuple[Fault, ...]) -> TrialWish:
    found = _topology(directories, model)
    access = _own_access(directories, model, found) or _lent_access(model, found)
    if access is None:
        raise BundleUnsatisfied(f"{model} has no Keystone: nobody can use it.", next_command=f"onward status {model}")
    dashboard = dashboard_url(found, recorded_site(known_model(directories, model))) or ""
    return TrialWish(found, model, access.model_copy(update={"dashboard": dashboard}), faults)


def _own_access(directories: Directories, model: str, found: Topology) -> Access | None:
    """By the model's own Keystone."""
    for name, charm in found.charms.items():
        endpoint = _identity_endpoint(charm)
        if endpoint is not None and found.units(name):
            offers = Words(found, recorded_site(known_model(directories, model)), name).offered(endpoint)
            return Access(url=offers["public_url"], region=offers["region"], secret=_secret(name))
    return None


def _lent_access(model: str, found: Topology) -> Access | None:
    """By the Keystone of another model, in the region that this one has there, with an account of its own."""
    for lent in found.lent.values():
        remote, endpoint = lent.remote, _identity_endpoint(lent.charm)
        if endpoint is not None:
            offers = {**remote.offers[endpoint], **{name: str(value) for name, value in lent.options.items()}}
            return Access(
                url=offers["public_url"],
                region=offers["region"],
                secret=_secret(remote.application),
                model=remote.model,
                account=f"{ACCOUNT}-{model}",
            )
    return None


def _identity_endpoint(charm: Charm) -> str | None:
    return next((name for name, each in charm.provides.items() if each.interface == IDENTITY), None)


def _secret(application: str) -> str:
    return f"{application}/admin-password"


def _topology(directories: Directories, model: str) -> Topology:
    return recorded_topology(known_model(directories, model).record())


def _fault(found: Topology, named: str) -> Fault:
    kind, _, unit = named.partition("/")
    kinds: dict[str, FaultKind] = {each: each for each in FAULTS}
    units = [each for name in found.applications for each in found.units(name)]
    if kind not in kinds or unit not in units:
        what = f"there is no unit {unit!r}" if kind in kinds else f"{kind!r} is none of {', '.join(FAULTS)}"
        raise FaultUnknown(
            f"{named!r} is no fault that this bundle can be tested with.",
            evidence=f"{what}; a fault is KIND/UNIT, such as kill/keystone/0",
            next_command="onward test --help",
        )
    return Fault(kinds[kind], unit)
