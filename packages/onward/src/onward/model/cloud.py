"""The cloud file: what an operator tells Onward of a cloud. It holds no secrets, only where they are."""

from typing import Annotated
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, Field, ValidationError, field_validator

from onward.errors import InvalidCloudFile, UnknownService
from onward.model.described import Described
from onward.model.yaml_text import NotYaml, read_yaml


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected http://HOST:PORT or https://HOST:PORT")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a URL here holds no user and no password: they have keys of their own")
    return url.rstrip("/")


Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$")]
Address = Annotated[
    str, Field(pattern=r"^([a-zA-Z0-9._-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}$", description="HOST:PORT, IPv6 in brackets")
]
Url = Annotated[str, AfterValidator(_without_credentials)]
SecretReference = Annotated[
    str,
    Field(
        pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+|model:[^/]+/.+)$",
        description="Where a secret is: env:VARIABLE, file:/PATH, or model:MODEL/APPLICATION/NAME of a deployed model",
    ),
]


class Unit(Described):
    """One running instance of a service, and the commands that stop and start it on this machine."""

    name: str = Field(pattern=r"^[a-z0-9-]+/[0-9]+$", description="Application and number, as in Juju: keystone/0")
    stop: tuple[str, ...] = Field(default=(), description="Program and arguments, run without a shell")
    start: tuple[str, ...] = Field(default=(), description="Program and arguments; starts the service at the target")
    url: Url | None = Field(
        default=None, description="Where this unit alone answers, past the load balancer: http://10.0.0.1:5000/v3"
    )


class Service(Described):
    """A service of the cloud."""

    series: str | None = Field(default=None, description="Series of the installed code, where the database can't tell")
    configuration: tuple[str, ...] = Field(
        min_length=1,
        description="oslo.config files, in the order they are read; relative ones are beside the cloud file",
    )
    units: tuple[Unit, ...] = ()

    @field_validator("units")
    @classmethod
    def _each_once(cls, units: tuple[Unit, ...]) -> tuple[Unit, ...]:
        names = [unit.name for unit in units]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"there is more than one {' and one '.join(twice)}")
        return units


class DatabaseServers(Described):
    """The database servers below the services."""

    nodes: tuple[Address, ...] = Field(
        default=(), description="All of them; by default those that the services' [database] connection names"
    )
    cluster_size: int | None = Field(default=None, ge=1, description="Galera nodes that must be there; default: nodes")
    sockets: dict[Address, str] = Field(
        default_factory=dict,
        description="By node, its socket on this machine, where who runs Onward logs in by his name and may see more",
    )


class MessageBroker(Described):
    """The message broker, and how its management API is asked."""

    management: tuple[Url, ...] = Field(
        default=(), description="URLs of the management API, one for each node: http://10.0.0.1:15672"
    )
    user: str | None = Field(default=None, description="A user with the tag monitoring; default: of transport_url")
    password: SecretReference | None = Field(default=None, description="Default: of transport_url")


class IdentityAccess(Described):
    """With whose credentials the cloud's APIs are asked; they are only read."""

    cloud: str | None = Field(default=None, description="A name in clouds.yaml; by default the OS_* variables")
    file: str | None = Field(default=None, description="The clouds.yaml that has it; by default the usual places")
    ask: bool = Field(
        default=True, description="False: the APIs are not asked; checks that need them are not made, and say so"
    )


class Infrastructure(Described):
    """What the services stand on. All of it is optional: by default the services' own configuration says it."""

    database: DatabaseServers = DatabaseServers()
    broker: MessageBroker = MessageBroker()
    memcached: tuple[Address, ...] = Field(
        default=(), description="Default: [cache] memcache_servers and [keystone_authtoken] memcached_servers"
    )
    identity: IdentityAccess = IdentityAccess()


class Cloud(Described):
    """A cloud: its name, which locks and approvals use, its services, and what they stand on."""

    cloud: Name
    services: dict[str, Service] = Field(min_length=1)
    infrastructure: Infrastructure = Infrastructure()

    def service(self, name: str) -> Service:
        """One service of the cloud. Raises UnknownService."""
        if name not in self.services:
            raise UnknownService(
                f"The cloud file has no service called {name!r}.",
                evidence=f"it has: {', '.join(sorted(self.services))}",
                next_command="onward init --help",
            )
        return self.services[name]

    def to_yaml(self) -> str:
        """The cloud file's text."""
        data = self.model_dump(mode="json", exclude_defaults=True)
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def parse(text: str, name: str = "cloud.yaml") -> Cloud:
    """Read a cloud file's text. Raises InvalidCloudFile, which names every key that is wrong."""
    try:
        data = read_yaml(text)
    except NotYaml as error:
        raise InvalidCloudFile(f"{name} is not YAML.", evidence=str(error), next_command="onward init --help") from None
    return described(data, name)


def described(data: object, name: str) -> Cloud:
    """The cloud that data describe. Raises InvalidCloudFile, which names every key that is wrong."""
    try:
        return Cloud.model_validate(data)
    except ValidationError as error:
        wrong = [f"{'.'.join(str(part) for part in each['loc']) or 'file'}: {each['msg']}" for each in error.errors()]
        raise InvalidCloudFile(
            f"{name} does not describe a cloud.", evidence="\n".join(wrong), next_command="onward init --help"
        ) from None
