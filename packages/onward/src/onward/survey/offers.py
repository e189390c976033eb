"""Relations between models: what others offer, who uses it, and what must not go while somebody does."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from onward.errors import BundleUnsatisfied, OfferInUse
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.model.bundle import Bundle, Saas
from onward.plan.deployment.granting import (
    IDENTITY,
    CatalogueEntry,
    Granted,
    granted_elsewhere,
    lent_out,
    registered_in,
)
from onward.plan.deployment.remote import Remote
from onward.plan.deployment.serving import serves
from onward.plan.deployment.site import Site
from onward.plan.deployment.topology import Topology
from onward.plan.deployment.words import Words
from onward.survey.recorded import models, recorded_remotes, recorded_site, recorded_topology
from onward.survey.wanted import Wanted

MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")


@dataclass(frozen=True)
class Use:
    """A model that uses an offer of another one."""

    user: str
    name: str
    """Of the saas, in the model that uses it."""
    remote: Remote
    endpoints: frozenset[str]
    """Those of the offer that its relations are of."""

    def __str__(self) -> str:
        return f"{self.user} uses {self.remote.url} as {self.name}"


def uses(directories: Directories) -> Iterator[Use]:
    """Who uses which offer: worked out from what is remembered of all models."""
    for model in models(directories):
        record = ModelStore(directories.models / model).record()
        remotes = recorded_remotes(record)
        relations = recorded_topology(record).relations if remotes else ()
        for name, remote in remotes.items():
            used = frozenset(each.provider[1] for each in relations if each.provider[0] == name)
            yield Use(model, name, remote, used)


def uses_of(directories: Directories, model: str) -> list[Use]:
    """Who uses offers of a model."""
    return [each for each in uses(directories) if each.remote.model == model]


def remotes_of(directories: Directories, wanted: Wanted) -> dict[str, Remote]:
    """What has to be known of the saas that a bundle names, by name.

    Raises BundleInvalid, with line and key, for what no deployed model offers; BundleUnsatisfied where it is offered
    and does not serve yet.
    """
    if wanted.bundle.saas and not MODEL_NAME.fullmatch(wanted.model):
        what = f"{wanted.model!r} cannot be part of a database's name, as what other models grant needs: "
        raise wanted.fault(("name",), what + MODEL_NAME.pattern)
    return {name: _remote(directories, wanted, name, saas) for name, saas in wanted.bundle.saas.items()}


def _remote(directories: Directories, wanted: Wanted, name: str, saas: Saas) -> Remote:
    store = ModelStore(directories.models / saas.model)
    if saas.model == wanted.model:
        raise wanted.fault(("saas", name, "url"), "a model relates its own applications without an offer")
    if not store.exists:
        there = ", ".join(models(directories)) or "none"
        raise wanted.fault(("saas", name, "url"), f"no model called {saas.model} is deployed here; deployed: {there}")
    if saas.model in _users_of(directories, wanted.model):
        raise wanted.fault(("saas", name, "url"), f"{saas.model} uses offers of {wanted.model}: a circle")
    found = recorded_topology(store.record())
    offers = {offer: each for each, entry in found.applications.items() for offer in entry.offers}
    if saas.offer not in offers:
        there = ", ".join(f"{saas.model}.{offer}" for offer in offers) or "nothing"
        raise wanted.fault(("saas", name, "url"), f"{saas.model} does not offer {saas.offer}; it offers: {there}")
    application = offers[saas.offer]
    missing = [step for step in serves(found, application) if step not in store.done()]
    if missing:
        raise BundleUnsatisfied(
            f"{application} of {saas.model} does not serve yet.",
            evidence=f"saas.{name}.url: {saas.url}: not done: {', '.join(missing)}",
            next_command=f"onward status {saas.model}",
        )
    remote = lent_out(found, Words(found, recorded_site(store), application), saas.offer)
    _require_options(wanted, name, saas, found, remote)
    return remote


def _require_options(wanted: Wanted, name: str, saas: Saas, found: Topology, remote: Remote) -> None:
    """Return when a saas says nothing but what a model may say for itself. Raises BundleInvalid."""
    charm = found.charms[remote.application]
    known = [option for endpoint in remote.endpoints for option in charm.provides[endpoint].otherwise]
    for option in saas.options:
        if option not in known:
            near = get_close_matches(option, known)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known) or 'none'}"
            raise wanted.fault(("saas", name, "options", option), f"there is no such option; {hint}")


def _users_of(directories: Directories, model: str) -> set[str]:
    """Models that use offers of this one, or of one that does."""
    known = list(uses(directories))
    found, waiting = set[str](), [model]
    while waiting:
        provider = waiting.pop()
        more = {each.user for each in known if each.remote.model == provider} - found
        found |= more
        waiting += more
    return found


def require_region_of_its_own(directories: Directories, wanted: Wanted, found: Topology, site: Site) -> None:
    """Return when no service would be entered where another model has its own. Raises BundleInvalid."""
    own = registered_in(found, site)
    providers = {entry.model for entry in own}
    sharing = providers | {each.user for each in uses(directories) if each.remote.model in providers}
    taken = {
        place: f"{application} of {model}"
        for model in models(directories)
        if model in sharing - {wanted.model}
        for place, application in _registered(directories, model).items()
    }
    for place, application in own.items():
        if place in taken:
            saas = next((name for name, lent in found.lent.items() if _is_of(lent.remote, place)), None)
            raise wanted.fault(
                ("saas", saas, "options", "region") if saas else ("applications", application),
                f"{place.region} has the service {place.type} already, {taken[place]}, "
                f"and {application} would be another; give this model a region of its own",
            )


def _is_of(remote: Remote, entry: CatalogueEntry) -> bool:
    return (remote.model, remote.application) == (entry.model, entry.keystone)


def _registered(directories: Directories, model: str) -> Mapping[CatalogueEntry, str]:
    store = ModelStore(directories.models / model)
    return registered_in(recorded_topology(store.record()), recorded_site(store))


def require_unused(directories: Directories, model: str) -> None:
    """Return when nobody uses an offer of the model. Raises OfferInUse."""
    if used := uses_of(directories, model):
        raise _in_use(f"Other models use what {model} offers.", used)


def require_offers_kept(directories: Directories, wanted: Wanted) -> None:
    """Return when the bundle still has all that other models use of the model. Raises OfferInUse."""
    dropped = [each for each in uses_of(directories, wanted.model) if not _kept(wanted.bundle, each)]
    if dropped:
        raise _in_use(f"{wanted.file} would take away what other models use.", dropped)


def _kept(bundle: Bundle, use: Use) -> bool:
    entry = bundle.applications.get(use.remote.application)
    offer = entry.offers.get(use.remote.offer) if entry is not None else None
    same = entry is not None and entry.num_units > 0 and entry.charm.removeprefix("ch:") == use.remote.charm
    return same and offer is not None and use.endpoints <= set(offer.endpoints)


def _in_use(what: str, used: list[Use]) -> OfferInUse:
    return OfferInUse(what, evidence="\n".join(map(str, used)), next_command=f"onward destroy {used[0].user} --dry-run")


def withdrawn(store: ModelStore, found: Topology, site: Site) -> tuple[Granted, ...]:
    """What other models have granted, holds no data, and shall be no more when the model is as planned.

    Databases and queues stay until the model is destroyed, which somebody has to agree to.
    """
    planned = {each.step: each.place for each in grants_of(found, site)}
    return tuple(each for each in _noted(store) if each.action == IDENTITY and planned.get(each.step) != each.place)


def all_granted(store: ModelStore) -> tuple[Granted, ...]:
    """What other models have granted, or may have been about to grant when a deployment was killed."""
    of_record = {each.step: each for each in grants_of(recorded_topology(store.record()), recorded_site(store))}
    return tuple({**of_record, **{each.step: each for each in _noted(store)}}.values())


def grants_of(found: Topology, site: Site) -> Iterator[Granted]:
    """What a model is granted by others."""
    for name in found.applications:
        yield from granted_elsewhere(Words(found, site, name))


def _noted(store: ModelStore) -> list[Granted]:
    told = [each["evidence"].get("elsewhere") for each in store.done().values()]
    return [Granted.model_validate(each) for each in told if each]
