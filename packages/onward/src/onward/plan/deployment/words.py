"""Fills in the words of a charm for one unit."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, TemplateError
from pydantic import JsonValue

from onward.catalog.charm import Charm, CharmProcess, Provision
from onward.catalog.charms import SERVER
from onward.catalog.load import in_force
from onward.errors import BundleInvalid, InvalidCatalogue
from onward.model.bundle import OptionValue
from onward.model.deployment import secret_reference
from onward.plan.deployment.placement import seat
from onward.plan.deployment.site import NETWORKS, Site, balancer_address
from onward.plan.deployment.topology import Topology


def _written(value: Any) -> Any:
    """A method of the data, found under a name that the data do not have, is a mistake and not a value."""
    if callable(value):
        raise TemplateError(f"{value} is nothing that can be written")
    return value


_TEMPLATES = Environment(  # noqa: S701 - configuration files, not HTML
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True, finalize=_written
)


_NAMES = ("user", "databases", "vhost")
"""Of what is wanted, the names of what is made at the provider; several are separated by spaces."""


@lru_cache(maxsize=2000)
def _compiled(text: str) -> Template:
    return _TEMPLATES.from_string(text)


@dataclass(frozen=True)
class Words:
    """What the words of a charm may speak of, for the units of one application."""

    topology: Topology
    site: Site
    application: str

    @cached_property
    def charm(self) -> Charm:
        """The application's charm."""
        return self.topology.charms[self.application]

    @cached_property
    def unit_names(self) -> tuple[str, ...]:
        """The application's units."""
        return self.topology.units(self.application)

    def fill(self, text: str, unit: str | None = None, **more: JsonValue) -> str:
        """The text for a unit, or for the application where none is named; it may speak of ``more``, too.

        Raises InvalidCatalogue.
        """
        if "{" not in text:
            return text
        try:
            return _compiled(text).render(self._known(unit), **more)
        except TemplateError as error:
            raise InvalidCatalogue(
                f"The charm {self.charm.charm} cannot be used.", evidence=f"{text!r}: {error}"
            ) from None

    def options(self, unit: str | None = None) -> dict[str, OptionValue]:
        """The charm's own options: its default, then the bundle's, then the unit's. Raises BundleInvalid."""
        given = self.given(unit)
        values: dict[str, OptionValue] = {}
        for name, option in self.charm.options.items():
            value = given.get(name, option.default)
            fits = {"string": str, "integer": int, "boolean": bool}[option.type]
            if not isinstance(value, fits) or (option.choices and value not in option.choices):
                wanted = f"one of {', '.join(option.choices)}" if option.choices else f"a value of type {option.type}"
                raise BundleInvalid(
                    f"The option {name} of {self.application} cannot be {value!r}.",
                    evidence=f"applications.{self.application}.options.{name}: expected {wanted}",
                )
            values[name] = value
        return values

    def given(self, unit: str | None = None) -> dict[str, OptionValue]:
        """What the bundle sets, for all units and then for this one."""
        entry = self.topology.applications[self.application]
        own = entry.unit_options.get(unit.partition("/")[2], {}) if unit else {}
        return {**entry.options, **own}

    def related(self, unit: str | None = None) -> dict[str, dict[str, str] | None]:
        """What the applications that it uses offer, by its own endpoint; None where nothing is related.

        For a ``unit``, what those of their units offer that are beside it: all of them where none is.
        """
        found: dict[str, dict[str, str] | None] = dict.fromkeys(self.charm.requires)
        for relation in self.topology.used_by(self.application):
            provider, endpoint = relation.provider
            lent = self.topology.lent_by(relation)
            if lent is not None:
                otherwise = {name: str(value) for name, value in lent.options.items()}
                found[relation.requirer[1]] = {**lent.remote.offers[endpoint], **otherwise}
            else:
                found[relation.requirer[1]] = Words(self.topology, self.site, provider).offered(endpoint, unit)
        return found

    def offered(self, endpoint: str, beside: str | None = None) -> dict[str, str]:
        """What others may know of it at an endpoint of its own, or of those of its units beside a unit of theirs."""
        near: dict[str, Any] = {}
        if beside is not None:
            place = self._seat(beside)
            units = [each for each in self._units() if self._seat(each["name"]) == place]
            near = {"units": units} if units else {}
        return {name: self.fill(text, **near) for name, text in self.charm.provides[endpoint].offers.items()}

    def _units(self) -> list[dict[str, Any]]:
        return [
            {"name": each, "number": number_of(each), "address": self.site.addresses[each]} for each in self.unit_names
        ]

    def _seat(self, unit: str) -> str:
        return seat(self.topology.applications, self.topology.numbers, unit)

    def wants(self) -> dict[str, dict[str, str]]:
        """What it asks of the applications that it uses, by its own endpoint, under the names that are right there."""
        return {
            endpoint: {
                key: " ".join(self.granted(endpoint, name) for name in self.fill(text).split())
                if key in _NAMES
                else self.fill(text)
                for key, text in requirement.wants.items()
            }
            for endpoint, requirement in self.charm.requires.items()
        }

    def granted(self, endpoint: str, name: str) -> str:
        """The name under which a provider knows what it grants: a user, a database, a virtual host.

        A server that several models share would take one for the other, so that the model is part of the name there.
        No charm's names have two underscores, and so no two of them are ever the same. Keystone and Cinder write their
        database's name into statements without quotes, where a hyphen cannot be.
        """
        ending = f"__{self.site.model.replace('-', '_')}"
        shared = any(
            each.requirer[1] == endpoint and self.topology.lent_by(each) is not None
            for each in self.topology.used_by(self.application)
        )
        # What one application was granted may be what another one asks for.
        return name + ending if shared and not name.endswith(ending) else name

    def processes(self) -> tuple[CharmProcess, ...]:
        """The processes that its release has."""
        series = self.site.series.get(self.application)
        return tuple(self.charm.processes if series is None else in_force(self.charm.processes, series))

    def host(self, network: str) -> str:
        """Where the application is found on a network: its balancer's address, or that of its first unit."""
        balancer = self.topology.balancer(self.application)
        key = balancer_address(balancer, network) if balancer else self.topology.units(self.application)[0]
        return self.site.addresses[key]

    def url(self, network: str, port: str) -> str:
        """Where its API answers on a network."""
        return f"http://{self.host(network)}:{self.charm.ports[port]}"

    def servers(self) -> tuple[Provision, ...]:
        """What of it is found behind a load balancer, other than APIs."""
        return tuple(each for each in self.charm.provides.values() if each.interface == SERVER)

    def _known(self, unit: str | None) -> Mapping[str, Any]:
        """What texts may speak of: worked out once for a unit, of which there are a hundred texts."""
        if unit not in self._known_units:
            self._known_units[unit] = self._known_anew(unit)
        return self._known_units[unit]

    @cached_property
    def _known_units(self) -> dict[str | None, Mapping[str, Any]]:
        return {}

    def _known_anew(self, unit: str | None) -> Mapping[str, Any]:
        first = self.unit_names[0] if self.unit_names else None
        place = self.site.place(unit or first)
        known = {
            **self._of_application,
            "options": self.options(unit),
            "programs": place.programs,
            "user": place.user,
            "shared": str(place.directory / "shared" / self.application),
            "environment": place.environments.get(self.application, ""),
        }
        if unit is not None:
            known |= {
                "unit": unit,
                "beside": _Lazy(lambda: self.related(unit)),
                "number": number_of(unit),
                "address": self.site.addresses[unit],
                "directory": str(self.site.unit_directory(unit)),
                "socket": self.site.socket(unit),
            }
        return known

    @cached_property
    def _of_application(self) -> dict[str, Any]:
        """What is the same for all units: worked out once, for there may be a thousand."""
        site = self.site
        return {
            "model": site.model,
            "application": self.application,
            "network": site.network,
            "units": self._units(),
            "ports": self.charm.ports,
            "related": _Lazy(self.related),
            "beside": _Lazy(self.related),
            "secret": lambda name: secret_reference(self.application, name),
            "wants": _Lazy(self.wants),
            "granted": self.granted,
            "public_url": lambda port: self.url("public", port),
            "internal_host": self.host("internal") if self.unit_names else "",
            "internal_url": lambda port: self.url("internal", port),
            "series": site.series.get(self.application, ""),
            "balanced": self._balanced(),
            "servers": self._servers(),
            "networks": self._networks(),
        }

    def _networks(self) -> list[dict[str, str]]:
        found = {name: self.site.addresses.get(balancer_address(self.application, name)) for name in NETWORKS}
        return [{"name": name, "address": address} for name, address in found.items() if address]

    def _balanced(self) -> list[dict[str, Any]]:
        """For a load balancer: the ports that it stands before, each with the units behind it."""
        found = []
        for name in self.topology.balanced_by(self.application):
            charm = self.topology.charms[name]
            for process in Words(self.topology, self.site, name).processes():
                if process.wsgi is None:
                    continue
                ready = process.ready
                found.append(
                    {
                        "application": name,
                        "port_name": process.wsgi.port,
                        "port": charm.ports[process.wsgi.port],
                        "path": (ready.path if ready else None) or "/",
                        "units": self._behind(name),
                    }
                )
        return found

    def _servers(self) -> list[dict[str, Any]]:
        """For a load balancer: the servers that are no APIs, each with the units behind it."""
        return [
            {
                "application": name,
                "port_name": each.port,
                "port": words.charm.ports[each.port],
                "greets": each.greets,
                "units": self._behind(name),
            }
            for name in self.topology.balanced_by(self.application)
            for words in [Words(self.topology, self.site, name)]
            for each in words.servers()
        ]

    def _behind(self, application: str) -> list[dict[str, str]]:
        return [{"name": each, "address": self.site.addresses[each]} for each in self.topology.units(application)]


def number_of(unit: str) -> int:
    """The number of a unit: 1 for keystone/1."""
    return int(unit.partition("/")[2])


class _Lazy(dict[str, Any]):
    """Worked out when a template looks at it: most do not, and a circle of applications would never end."""

    def __init__(self, make: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__()
        self._make: Callable[[], Mapping[str, Any]] | None = make

    def __getitem__(self, key: str) -> Any:
        if self._make is not None:
            make, self._make = self._make, None
            self.update(make())
        return super().__getitem__(key)
