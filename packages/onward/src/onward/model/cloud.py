"""The cloud file: what an operator tells Onward of a cloud. It holds no secrets, only where they are."""

from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from onward.errors import InvalidCloudFile, UnknownService

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$")]


class Described(BaseModel):
    """Base of all parts of a cloud file: immutable, and strict about keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Unit(Described):
    """One running instance of a service, and the commands that stop and start it on this machine."""

    name: str = Field(pattern=r"^[a-z0-9-]+/[0-9]+$", description="Application and number, as in Juju: keystone/0")
    stop: tuple[str, ...] = Field(default=(), description="Program and arguments, run without a shell")
    start: tuple[str, ...] = Field(default=(), description="Program and arguments; starts the service at the target")


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


class Cloud(Described):
    """A cloud: its name, which locks and approvals use, and its services."""

    cloud: Name
    services: dict[str, Service] = Field(min_length=1)

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
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
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
