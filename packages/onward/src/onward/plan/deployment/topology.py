"""A bundle with its relations resolved: who needs what of whom, and in which order they can come up."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter

from onward.catalog.charm import Charm, Provision
from onward.catalog.charms import SERVER
from onward.errors import BundleInvalid, BundleUnsatisfied
from onward.model.bundle import Bundle, BundleApplication, OptionValue
from onward.plan.deployment.numbers import unit_numbers
from onward.plan.deployment.remote import Remote

BALANCED = ("http", SERVER)
"""The interfaces of what a load balancer stands before: APIs and servers. The balancer does not wait for them."""


@dataclass(frozen=True)
class Relation:
    """Two endpoints that fit: ``requirer`` uses ``provider``. Each is an application and an endpoint of its charm."""

    requirer: tuple[str, str]
    provider: tuple[str, str]
    interface: str

    def __str__(self) -> str:
        return f"{self.requirer[0]}:{self.requirer[1]} - {self.provider[0]}:{self.provider[1]}"


@dataclass(frozen=True)
class Topology:
    """The applications of a model, and how they are related."""

    applications: Mapping[str, BundleApplication]
    charms: Mapping[str, Charm]
    """By application."""
    relations: tuple[Relation, ...]
    numbers: Mapping[str, tuple[int, ...]]
    """Which units each application has: those that were removed have left gaps."""
    lent: Mapping[str, "Lent"] = field(default_factory=dict)
    """Applications of other models, by the names that they have in this one."""

    def units(self, application: str) -> tuple[str, ...]:
        """Names of an application's units: keystone/0."""
        return tuple(f"{application}/{number}" for number in self.numbers[application])

    def of_service(self, service: str) -> tuple[str, ...]:
        """The applications that run a service's code."""
        return tuple(name for name, charm in self.charms.items() if charm.service == service)

    def owner(self, service: str) -> str | None:
        """The one of them that makes what all begin with, the schema above all."""
        return next((name for name in self.of_service(service) if self.charms[name].initialise), None)

    def used_by(self, application: str) -> Iterator[Relation]:
        """Relations in which it is the one who uses, other than load balancing."""
        return (each for each in self.relations if each.requirer[0] == application and each.interface not in BALANCED)

    def grants(self, relation: Relation) -> str | None:
        """The action that gives the requirer what it asks for; None where it asks for nothing, or need not."""
        user, endpoint = relation.requirer
        return self.provision(relation).grants if self.charms[user].requires[endpoint].wants else None

    def provision(self, relation: Relation) -> Provision:
        """The provider's endpoint of a relation."""
        name, endpoint = relation.provider
        charm = self.lent[name].charm if name in self.lent else self.charms[name]
        return charm.provides[endpoint]

    def lent_by(self, relation: Relation) -> "Lent | None":
        """The application of another model that is the provider of a relation; None where it is of this model."""
        return self.lent.get(relation.provider[0])

    def balancer(self, application: str) -> str | None:
        """The application that stands before it on every network."""
        return next(
            (each.requirer[0] for each in self.relations if self._balances(each) and each.provider[0] == application),
            None,
        )

    def balanced_by(self, balancer: str) -> tuple[str, ...]:
        """The applications that it stands before."""
        return tuple(
            each.provider[0] for each in self.relations if self._balances(each) and each.requirer[0] == balancer
        )

    def on_networks(self) -> tuple[str, ...]:
        """The applications that are reached on every network, with an address on each: load balancers."""
        return tuple(
            name
            for name in self.applications
            if self.balanced_by(name)
            or any(self.charms[name].requires[each.requirer[1]].elsewhere for each in self.used_by(name))
        )

    def in_order(self) -> tuple[str, ...]:
        """The applications, each after those that it uses. Raises BundleUnsatisfied for a circle."""
        return tuple(name for wave in self.in_waves() for name in wave)

    def in_waves(self) -> tuple[tuple[str, ...], ...]:
        """The applications, each in a later wave than those that it uses. Raises BundleUnsatisfied for a circle."""
        sorter = TopologicalSorter(
            {
                name: {each.provider[0] for each in self.used_by(name) if self.lent_by(each) is None}
                for name in self.applications
            }
        )
        try:
            sorter.prepare()
        except CycleError as error:
            circle = " needs ".join(reversed(error.args[1]))
            raise BundleUnsatisfied(
                "Applications wait for one another in a circle.", evidence=circle, next_command="onward deploy --help"
            ) from None
        waves = []
        while sorter.is_active():
            waves.append(sorter.get_ready())
            sorter.done(*waves[-1])
        return tuple(waves)

    @staticmethod
    def _balances(relation: Relation) -> bool:
        return relation.interface in BALANCED


@dataclass(frozen=True)
class Lent:
    """An application of another model, with the part of its charm that is offered."""

    remote: Remote
    charm: Charm
    options: Mapping[str, OptionValue]
    """What is otherwise for this model."""


def topology(
    bundle: Bundle,
    charms: Mapping[str, Charm],
    file: str,
    remotes: Mapping[str, Remote] | None = None,
    numbers: Mapping[str, tuple[int, ...]] | None = None,
) -> Topology:
    """Resolve a bundle.

    ``charms`` are all that the catalogue has, by name; ``remotes`` is what was found out about its saas, by name;
    ``numbers`` says which units there are: without it, those of each application are counted from 0.
    Raises BundleInvalid for a charm, application or endpoint that there is not; BundleUnsatisfied for a relation that
    is missing, and for circles.
    """
    chosen = {name: _charm(name, entry, charms, file) for name, entry in bundle.applications.items()}
    lent = {name: _lent(remote, charms, bundle.saas[name].options) for name, remote in (remotes or {}).items()}
    known = {**chosen, **{name: each.charm for name, each in lent.items()}}
    # One and the same may be said twice, with endpoints and without.
    relations = tuple(dict.fromkeys(_relation(ends, known, lent, file) for ends in bundle.relations))
    _offered(bundle, chosen, file)
    found = Topology(bundle.applications, chosen, relations, numbers or unit_numbers(bundle, {}), lent)
    _overrides(found, file)
    _one_of_each(found, file)
    _satisfied(found)
    found.in_order()
    return found


def _overrides(found: Topology, file: str) -> None:
    """Return when options are set for units that there are. Raises BundleInvalid."""
    wrong = []
    for name, entry in found.applications.items():
        numbers = {str(number) for number in found.numbers[name]}
        there = ", ".join(found.units(name)) or "none"
        wrong += [
            f"applications.{name}.unit-options: there is no unit {number} among {there}"
            for number in entry.unit_options
            if number not in numbers
        ]
    if wrong:
        raise BundleInvalid(f"{file} sets options of units that there are not.", evidence="\n".join(wrong))


def _one_of_each(found: Topology, file: str) -> None:
    """Return when no balancer stands before two of a kind, at one port. Raises BundleInvalid."""
    for relation in found.relations:
        balancer, endpoint = relation.requirer
        if found.charms[balancer].requires[endpoint].elsewhere:
            for own in found.balanced_by(balancer):
                if any(each.interface == relation.interface for each in found.charms[own].provides.values()):
                    raise BundleInvalid(
                        f"{file} has two of one kind behind {balancer}.",
                        evidence=f"relations: {relation}: {balancer} stands before {own} of this model already",
                    )


def _charm(name: str, entry: BundleApplication, charms: Mapping[str, Charm], file: str) -> Charm:
    wanted = entry.charm.removeprefix("ch:")
    if wanted not in charms:
        near = get_close_matches(wanted, charms)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(charms))}"
        raise BundleInvalid(
            f"{file} deploys what Onward does not know.", evidence=f"applications.{name}.charm: {wanted}; {hint}"
        )
    charm = charms[wanted]
    if charm.most_units is not None and entry.num_units > charm.most_units:
        raise BundleInvalid(
            f"{name} has more units than {wanted} can have.",
            evidence=f"applications.{name}.num_units: {entry.num_units}, at most {charm.most_units}",
        )
    return charm


def _lent(remote: Remote, charms: Mapping[str, Charm], options: Mapping[str, OptionValue]) -> Lent:
    charm = charms[remote.charm]
    provides = {name: charm.provides[name] for name in remote.endpoints}
    return Lent(remote, charm.model_copy(update={"provides": provides, "requires": {}}), options)


def _offered(bundle: Bundle, charms: Mapping[str, Charm], file: str) -> None:
    """Return when every offer is of endpoints that its application has. Raises BundleInvalid."""
    wrong = []
    for name, application in bundle.applications.items():
        # Balancing needs the addresses of all units, and health seen from the balancer: it stays in the model.
        can = [end for end, each in charms[name].provides.items() if each.interface not in BALANCED]
        for offer, told in application.offers.items():
            wrong += [
                f"applications.{name}.offers.{offer}.endpoints: {end}; {name} can offer: {', '.join(can) or 'nothing'}"
                for end in told.endpoints
                if end not in can
            ]
    if wrong:
        raise BundleInvalid(f"{file} offers what there is not.", evidence="\n".join(wrong))


def _relation(ends: tuple[str, ...], charms: Mapping[str, Charm], lent: Container[str], file: str) -> Relation:
    """The one way in which two ends fit. Raises BundleInvalid where there is none, or more than one."""
    first, second = (end.partition(":") for end in ends)
    for name, _, _ in (first, second):
        if name not in charms:
            raise BundleInvalid(
                f"{file} relates an application that it does not have.",
                evidence=f"relations: {' - '.join(ends)}: there is no {name}",
            )
    fits = [
        Relation((user, needed), (server, offered), requirement.interface)
        for (user, _, user_end), (server, _, server_end) in ((first, second), (second, first))
        for needed, requirement in charms[user].requires.items()
        if user_end in ("", needed)
        for offered, provision in charms[server].provides.items()
        if server_end in ("", offered) and requirement.interface == provision.interface
        if server in lent or not requirement.elsewhere
    ]
    if len(fits) != 1:
        possible = "; ".join(map(str, fits)) or _endpoints(first[0], charms) + "; " + _endpoints(second[0], charms)
        raise BundleInvalid(
            f"{' and '.join(ends)} cannot be related" + (" in just one way." if fits else "."),
            evidence=f"relations: {possible}",
        )
    return fits[0]


def _endpoints(application: str, charms: Mapping[str, Charm]) -> str:
    charm = charms[application]
    needs = [f"{name} ({each.interface})" for name, each in charm.requires.items()]
    gives = [f"{name} ({each.interface})" for name, each in charm.provides.items()]
    return f"{application} requires {', '.join(needs) or 'nothing'}, provides {', '.join(gives) or 'nothing'}"


def _satisfied(found: Topology) -> None:
    """Return when nobody needs what the bundle does not give. Raises BundleUnsatisfied."""
    missing = []
    for name, charm in found.charms.items():
        related = {each.requirer[1] for each in found.relations if each.requirer[0] == name}
        for endpoint, requirement in charm.requires.items():
            if not requirement.optional and endpoint not in related:
                missing.append(f"{name} needs a relation of {name}:{endpoint} (interface {requirement.interface})")
    for relation in found.relations:
        if found.lent_by(relation) is not None:
            continue
        # A balancer may stand before nothing; what stands behind one cannot be reached without its units.
        serves, uses = relation.provider[0], relation.requirer[0]
        server, user = (uses, serves) if relation.interface in BALANCED else (serves, uses)
        if found.units(user) and not found.units(server):
            missing.append(f"{relation}: {server} has no unit, and {user} needs it")
    if missing:
        raise BundleUnsatisfied("The bundle can never come up: relations are missing.", evidence="\n".join(missing))
