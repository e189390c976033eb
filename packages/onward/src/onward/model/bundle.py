"""What a bundle says: applications, their units, options and relations, with the keys that Juju's bundles have.

https://documentation.ubuntu.com/juju/3.6/reference/bundle/ describes the keys. Those that mean nothing here
(annotations, constraints, trust, storage, resources) are allowed and have no effect, which
:func:`without_effect` tells.
"""

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import Field, JsonValue, ValidationError, field_validator, model_validator

from onward.errors import BundleInvalid
from onward.model.described import Described
from onward.model.machine import SshAddress, ssh_address
from onward.model.yaml_text import NotYaml, read_yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

ApplicationName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*$")]
OfferName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
OptionValue = str | int | float | bool
MOST_UNITS = 2000
_WITHOUT_EFFECT = (
    "annotations",
    "constraints",
    "trust",
    "storage",
    "resources",
    "expose",
    "revision",
    "base",
    "series",
    "bindings",
)
_OF_MACHINES = ("annotations", "constraints", "base", "series")
_OF_BUNDLE = ("tags", "base", "series")
_MACHINE = re.compile(r"[a-z0-9][a-z0-9-]*")
"""Names of machines are part of steps' names."""
_CONTAINERS = ("lxd", "kvm")


Fault = tuple[tuple[str | int, ...], str]
"""The keys that lead to what is wrong, and what it is."""


class Offer(Described):
    """Endpoints of an application that other models may use, under one name."""

    endpoints: tuple[str, ...] = Field(min_length=1, description="Of the application's charm: identity-service")
    acl: JsonValue = None


class BundleApplication(Described):
    """An application of the bundle."""

    charm: str = Field(description="What is deployed: mariadb, keystone; by default the application's name")
    channel: str | None = Field(default=None, description="Release of an OpenStack service: 2025.1, 2025.1/stable")
    num_units: int = Field(default=1, ge=0, le=MOST_UNITS)
    options: dict[str, OptionValue] = Field(default_factory=dict, description="Of the charm, or section.option")
    unit_options: dict[str, dict[str, OptionValue]] = Field(
        default_factory=dict, alias="unit-options", description="By the number of a unit: what differs there"
    )
    to: tuple[str, ...] = Field(
        default=(), description="Where units are, one for each: a machine, lxd:MACHINE, an application or unit, new"
    )
    runtime: Literal["environment", "container"] = Field(
        default="environment", description="What its units run from: what Onward builds, or an image"
    )
    image: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$",
        description="With runtime: container: NAME:TAG or NAME@DIGEST",
    )
    image_prefix: str = Field(
        default="/var/lib/openstack",
        alias="image-prefix",
        pattern=r"^(/[A-Za-z0-9._-]+)+$",
        description="Where the image has the release: bin/python and the others are below it",
    )
    bindings: dict[str, str] | None = Field(default=None, description="Networks by endpoint; has no effect")
    offers: dict[OfferName, Offer] = Field(default_factory=dict, description="Endpoints for other models, by offer")
    annotations: JsonValue = None
    constraints: JsonValue = None
    trust: JsonValue = None
    storage: JsonValue = None
    resources: JsonValue = None
    expose: JsonValue = None
    revision: JsonValue = None
    base: JsonValue = None
    series: JsonValue = None

    @field_validator("to", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return [str(each) for each in value] if isinstance(value, list) else [str(value)]

    @model_validator(mode="after")
    def _image_of_container(self) -> "BundleApplication":
        if (self.runtime == "container") != (self.image is not None):
            raise ValueError("an image goes with runtime: container, and runtime: container with an image")
        return self


class Machine(Described):
    """A machine of the bundle: this one, or another one that is reached over SSH."""

    address: str | None = Field(
        default=None, description="ssh://USER@HOST:PORT for another machine; otherwise one of this machine's own"
    )
    addresses: tuple[str, ...] = Field(
        default=(), description="Where units of another machine listen, each at one; by default the machine's own"
    )
    identity: str | None = Field(default=None, description="File of the private key that opens another machine")
    sudo: bool = Field(default=True, description="Whether a user other than root becomes root there, by sudo")
    directory: str | None = Field(
        default=None, pattern=r"^/[^\s%\"']*[^\s%\"'/]$", description="Where everything is kept on another machine"
    )
    cache: str | None = Field(
        default=None, pattern=r"^/[^\s%\"']*[^\s%\"'/]$", description="Where environments are built on another machine"
    )
    rack: str | None = Field(
        default=None, min_length=1, description="What is lost together: units of two racks are never restarted at once"
    )
    constraints: JsonValue = None
    annotations: JsonValue = None
    base: JsonValue = None
    series: JsonValue = None

    @field_validator("rack", mode="before")
    @classmethod
    def _by_name(cls, rack: Any) -> Any:
        """Racks that are called 7 are usual."""
        return str(rack) if isinstance(rack, int) and not isinstance(rack, bool) else rack

    @field_validator("address")
    @classmethod
    def _can_be_reached(cls, address: str | None) -> str | None:
        if address is not None and "://" in address:
            ssh_address(address)
        return address

    @property
    def ssh(self) -> SshAddress | None:
        """How it is reached; None where it is this machine."""
        return ssh_address(self.address) if self.address is not None and "://" in self.address else None


class Saas(Described):
    """An application of another model, used by its offer."""

    url: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*\.[a-z0-9][a-z0-9-]*$", description="MODEL.OFFER")
    options: dict[str, OptionValue] = Field(
        default_factory=dict, description="What is otherwise for this model: the region of its services"
    )

    @property
    def model(self) -> str:
        """The model that offers it."""
        return self.url.partition(".")[0]

    @property
    def offer(self) -> str:
        """The name under which it is offered."""
        return self.url.partition(".")[2]


class Bundle(Described):
    """A whole bundle."""

    name: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", description="Name of the model")
    description: str | None = None
    applications: dict[ApplicationName, BundleApplication] = Field(min_length=1)
    relations: tuple[tuple[str, ...], ...] = ()
    machines: dict[str, Machine] = Field(default_factory=dict)
    saas: dict[ApplicationName, Saas] = Field(default_factory=dict)
    variables: JsonValue = Field(default=None, description="Holds anchors for the rest of the file; has no effect")
    tags: JsonValue = None
    base: JsonValue = Field(default=None, alias="default-base")
    series: JsonValue = None

    @model_validator(mode="before")
    @classmethod
    def _charm_by_name(cls, data: Any) -> Any:
        """An application is of the charm that has its name, unless it says another."""
        if not isinstance(data, dict) or not isinstance(data.get("applications"), dict):
            return data
        applications = {
            name: {"charm": name, **(entry or {})} if isinstance(entry, dict | None) else entry
            for name, entry in data["applications"].items()
        }
        machines = data.get("machines")
        if isinstance(machines, dict):
            data = {**data, "machines": {str(name): entry or {} for name, entry in machines.items()}}
        return {**data, "applications": applications}

    @field_validator("machines")
    @classmethod
    def _can_be_named(cls, machines: dict[str, Machine]) -> dict[str, Machine]:
        for name, machine in machines.items():
            if machine.ssh is not None and not _MACHINE.fullmatch(name):
                raise ValueError(
                    f"the name of a machine that is reached over SSH cannot be {name!r}: {_MACHINE.pattern}"
                )
        return machines

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Bundle":
        if both := set(self.saas) & set(self.applications):
            raise ValueError(f"saas: there are applications of the same name: {', '.join(sorted(both))}")
        offers = [offer for application in self.applications.values() for offer in application.offers]
        if twice := {offer for offer in offers if offers.count(offer) > 1}:
            raise ValueError(f"offers: several have the name {', '.join(sorted(twice))}")
        return self

    @field_validator("relations")
    @classmethod
    def _two_ends(cls, relations: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for ends in relations:
            if len(ends) != 2:
                raise ValueError(f"a relation has two ends, not {len(ends)}: {', '.join(ends)}")
        return relations


_PARTS: dict[str, type[Described]] = {"applications": BundleApplication, "machines": Machine, "saas": Saas}
"""What the entries of these keys are."""


def parse_bundle(text: str, file: str) -> Bundle:
    """Read a bundle. Raises BundleInvalid, which names line and key of every fault."""
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        data = read_yaml(text)
    except (yaml.YAMLError, RecursionError, NotYaml) as error:
        raise BundleInvalid(f"{file} is not YAML.", evidence=" ".join(str(error).split())) from None
    try:
        bundle = Bundle.model_validate(data)
    except ValidationError as error:
        raise invalid_bundle(file, node, [(each["loc"], _words(each)) for each in error.errors()]) from None
    if misplaced := list(_misplaced(bundle)):
        raise invalid_bundle(file, node, misplaced)
    return bundle


def _words(error: "ErrorDetails") -> str:
    """What is wrong, in the words of whoever writes bundles."""
    match error["type"], error["loc"]:
        case "extra_forbidden", (*above, key):
            part = Bundle if not above else _PARTS.get(str(above[0])) if len(above) == 2 else None
            known = [field.alias or name for name, field in part.model_fields.items()] if part else []
            near = get_close_matches(str(key), known, 1)
            return f"there is no such key{f': {near[0]}?' if near else ''}"
        case "string_type", _ if isinstance(error["input"], int | float):
            return f'YAML takes it for a number: write it in quotes, "{error["input"]}"'
    return error["msg"]


def _misplaced(bundle: Bundle) -> Iterator[Fault]:
    """Units that are to be where there is nothing, each by its place in the file."""
    for name, application in bundle.applications.items():
        place = ("applications", name, "to")
        if len(application.to) > application.num_units:
            yield place, f"{len(application.to)} places for {application.num_units} units"
        for number, directive in enumerate(application.to):
            if not _is_placed(bundle, directive):
                machines = ", ".join(bundle.machines) or "none"
                yield (*place, number), f"there is no machine or application {directive}; machines: {machines}"


def _is_placed(bundle: Bundle, directive: str) -> bool:
    """Whether a placement names what there is: https://documentation.ubuntu.com/juju/3.6/reference/placement-directive/."""
    container, colon, inside = directive.rpartition(":")
    if colon and container not in _CONTAINERS:
        return False
    application, slash, number = inside.partition("/")
    if slash:
        return application in bundle.applications and number.isdecimal()
    return inside == "new" or inside in bundle.machines or inside in bundle.applications


def invalid_bundle(
    file: str, node: yaml.Node | None, wrong: Sequence[Fault], next_command: str = "onward bundle schema"
) -> BundleInvalid:
    """The error for faults at these places of the file."""
    return BundleInvalid(
        f"{file} does not describe a deployment.",
        evidence=faults_in_file(file, node, wrong),
        next_command=next_command,
    )


def faults_in_file(file: str, node: yaml.Node | None, wrong: Sequence[Fault]) -> str:
    """The faults with their lines and keys, as the evidence of an error; ``node`` is the file's content."""
    lines = sorted((line_of(node, place), f"{'.'.join(map(str, place)) or 'file'}: {what}") for place, what in wrong)
    return "\n".join(f"{file}:{line}: {what}" for line, what in lines)


def line_of(node: yaml.Node | None, place: tuple[str | int, ...]) -> int:
    """The line, from 1, where a value stands; that of the nearest key above it where it is missing."""
    line = 1
    for part in place:
        found = next((child for key, child in _children(node) if key == str(part)), None)
        if found is None:
            break
        line, node = found
    return line


def _children(node: yaml.Node | None) -> Iterator[tuple[str, tuple[int, yaml.Node]]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield str(key.value), (key.start_mark.line + 1, value)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield str(number), (value.start_mark.line + 1, value)


def without_effect(bundle: Bundle) -> list[str]:
    """The keys of the bundle that are Juju's and mean nothing here, each by its place."""
    parts: list[tuple[str, Described, tuple[str, ...]]] = [("", bundle, _OF_BUNDLE)]
    parts += [(f"applications.{name}.", each, _WITHOUT_EFFECT) for name, each in bundle.applications.items()]
    parts += [(f"machines.{name}.", each, _OF_MACHINES) for name, each in bundle.machines.items()]
    return [
        f"{place}{_written(part, key)}" for place, part, keys in parts for key in keys if getattr(part, key) is not None
    ]


def _written(part: Described, key: str) -> str:
    """The key as a file has it."""
    return type(part).model_fields[key].alias or key
