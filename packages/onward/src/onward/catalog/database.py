"""What releases need of the database server below them."""

from typing import Annotated

from pydantic import Field

from onward.catalog.fact import Fact

ServerVersion = Annotated[str, Field(pattern=r"^\d+(\.\d+)+$")]


class OldestServers(Fact):
    """The oldest servers that a series and those after it support."""

    since: str = Field(description="First series that it holds for")
    mysql: ServerVersion
    mariadb: ServerVersion
    source: str = Field(description="Where this fact is from")


class NoTriggers(Fact):
    """A service whose migrations create no triggers any more."""

    service: str
    none_since: str = Field(description="First series whose migrations create none")
    source: str = Field(description="Where this fact is from")


class DatabaseNeeds(Fact):
    """All that is known of that."""

    versions: tuple[OldestServers, ...] = Field(
        description="The oldest series first; a later entry replaces the one before"
    )
    triggers: tuple[NoTriggers, ...]
