"""What each relation asks its provider for, and how it is taken back. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from onward.plan.deployment.grant import GrantWish, Registered
from onward.plan.deployment.remote import Remote
from onward.plan.deployment.site import Site
from onward.plan.deployment.topology import Relation, Topology
from onward.plan.deployment.words import Words
from onward.plan.step import Frozen, Step

IDENTITY = "identity.grant"


class Granted(Frozen):
    """A grant of another model's application: what takes it back has to know."""

    step: str
    action: str
    wish: GrantWish

    @property
    def place(self) -> tuple[str, ...]:
        """What makes it another grant, when that is changed: at whom, and in which region."""
        return self.wish.model, self.wish.provider, self.wish.offers.get("region", "")


def grant_id(relation: Relation) -> str:
    """The step that grants what a relation asks for."""
    (name, endpoint), (provider, _) = relation.requirer, relation.provider
    return f"grant/{name}/{endpoint}/{provider}"


def grant_wish(words: Words, relation: Relation) -> GrantWish:
    """What the provider is asked for, and where it is asked; ``words`` are those of the application that asks."""
    (name, endpoint), provider = relation.requirer, relation.provider[0]
    found, site = words.topology, words.site
    lent, offers = found.lent_by(relation), words.related()[endpoint] or {}
    first = None if lent else found.units(provider)[0]
    return GrantWish(
        application=name,
        provider=lent.remote.application if lent else provider,
        model=lent.remote.model if lent else "",
        wants=words.wants()[endpoint],
        secret=f"{name}/{endpoint}",
        address=lent.remote.address if lent else site.addresses[first or ""],
        ports=lent.charm.ports if lent else found.charms[provider].ports,
        socket=lent.remote.socket if lent else site.socket(first or ""),
        offers=offers,
        registers=registered(words) if found.grants(relation) == IDENTITY else (),
        alongside=_alongside(lent.remote, relation.provider[1], offers) if lent else (),
    )


def _alongside(remote: Remote, endpoint: str, offers: dict[str, str]) -> tuple[Registered, ...]:
    """The provider's own services, where this model has a region of its own: a client looks there for Keystone, too."""
    return remote.registers if offers.get("region") != remote.offers[endpoint].get("region") else ()


def registered(words: Words) -> tuple[Registered, ...]:
    """The services of an application as a catalogue has them."""
    return tuple(
        Registered(
            type=each.type,
            name=each.name,
            description=each.description,
            public=words.url("public", each.port) + each.path,
            internal=words.url("internal", each.port) + each.path,
        )
        for each in words.charm.registers
    )


@dataclass(frozen=True)
class CatalogueEntry:
    """What there is once in a catalogue: whoever enters it again takes it from the one who did before."""

    model: str
    """That Keystone is of."""
    keystone: str
    region: str
    type: str


def registered_in(found: Topology, site: Site) -> dict[CatalogueEntry, str]:
    """The services that a model enters in catalogues, its own or another model's, each with its application."""
    entries = {}
    for name in found.applications:
        words = Words(found, site, name)
        for relation in found.used_by(name):
            if found.grants(relation) == IDENTITY:
                wish = grant_wish(words, relation)
                for each in wish.registers:
                    entry = CatalogueEntry(wish.model or site.model, wish.provider, wish.offers["region"], each.type)
                    entries[entry] = name
    return entries


def granted_elsewhere(words: Words) -> Iterator[Granted]:
    """What an application is granted by applications of other models."""
    for relation in words.topology.used_by(words.application):
        grants = words.topology.grants(relation)
        if grants is not None and words.topology.lent_by(relation) is not None:
            yield Granted(step=grant_id(relation), action=grants, wish=grant_wish(words, relation))


def lent_out(found: Topology, words: Words, offer: str) -> Remote:
    """What another model has to know of an application of this one, to use its offer. Raises KeyError."""
    name = words.application
    endpoints = found.applications[name].offers[offer].endpoints
    first = found.units(name)[0]
    return Remote(
        model=words.site.model,
        offer=offer,
        application=name,
        charm=words.charm.charm,
        endpoints=endpoints,
        address=words.site.addresses[first],
        socket=words.site.socket(first),
        offers={endpoint: words.offered(endpoint) for endpoint in endpoints},
        registers=registered(words),
    )


def withdrawal(granted: Granted, needs: tuple[str, ...], *, reversible: bool) -> Step:
    """The step that takes a grant back."""
    wish = granted.wish
    return Step(
        id=granted.step.replace("grant/", "withdraw/", 1),
        action=granted.action.replace(".grant", ".withdraw"),
        target=f"{wish.provider} of {wish.model} for {wish.application}",
        arguments={"grant": granted.step, "wish": wish.model_dump(mode="json")},
        needs=needs,
        reason=f"nothing is left in {wish.model} for an application that is no more",
        phase="cleanup",
        reversible=reversible,
    )
