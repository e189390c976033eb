"""What bounds a restart of many units, and what is seen meanwhile: data for ``onward.restart`` to judge."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import Field

from onward.model.described import Described


class Bounds(Described):
    """What whoever asks for a restart allows."""

    batch: int = Field(ge=1, description="Units that are away at once, at the most")
    canary: int = Field(default=1, ge=0, description="Units that go first, alone; with none, there is no canary")
    pause: float = Field(default=0, ge=0, description="Seconds between the end of a batch and the next one")
    failures: int = Field(default=0, ge=0, description="Units that may stay away; one more, and no batch begins")
    slower: float = Field(default=2.0, gt=1, description="How many times its calm answer the broker may take")
    patience: float = Field(default=240, gt=0, description="Seconds after which a unit counts as one that stays away")
    haste: float = Field(
        default=20, gt=0, description="The same where the others are back: no shorter, and four times the slowest"
    )


@dataclass(frozen=True)
class Fleet:
    """The units that are restarted, in their order."""

    units: tuple[str, ...]
    domains: Mapping[str, str] = field(default_factory=dict)
    """What is lost together with a unit: its availability zone and its rack, or its machine. Never are two of them away
    at once."""
    most_away: int = 10**9
    """Units that may be away at once, whoever asks: of a cluster, as many as leave it its majority."""


@dataclass(frozen=True)
class BrokerLoad:
    """How a message broker bears it, by its own account."""

    failure: str = ""
    """Why it could not be asked; nothing else is known then."""
    alarms: tuple[str, ...] = ()
    connections: int = 0
    opened: int = 0
    """Connections that were opened since it began to count."""
    waiting: int = 0
    """Messages that nobody has taken yet."""
    memory_used: int = 0
    memory_limit: int = 0
    """Bytes; 0 where it has no limit."""
    answer_seconds: float | None = None
    """From the publishing of a message to its delivery, as nine of ten were quicker since the last look, or in the last
    second where that is longer; None: nobody tried."""
    slowest_seconds: float | None = None
    """The same of the slowest of them."""


@dataclass(frozen=True)
class DatabaseLoad:
    """How a database server bears it, by its own account."""

    server: str
    failure: str = ""
    running: int = 0
    """Statements that are being carried out."""
    connected: int = 0
    allowed: int = 0
    """Connections, and how many there may be."""
    queued: int = 0
    """Write sets of its cluster that it has not applied yet."""
    paused: float = 0.0
    """The part of the time for which its cluster has waited for its slowest member."""
    lag_seconds: float | None = None
    """How far it is behind the server that it replicates; None where it does not."""
    full: bool = False
    """Whether it has no room for another connection but an administrator's."""


@dataclass(frozen=True)
class Seen:
    """One look."""

    at: float
    """Seconds since the epoch."""
    health: Mapping[str, str] = field(default_factory=dict)
    """Of each unit that is looked at, what it lacks to be healthy; empty where it lacks nothing."""
    away: frozenset[str] = frozenset()
    """Units that nobody is restarting and that do not run."""
    broker: BrokerLoad | None = None
    """None where the units use none."""
    databases: tuple[DatabaseLoad, ...] = ()
    skip: frozenset[str] = frozenset()
    """Units that somebody has said are to be left out."""
    stopping: bool = False
    """Whether somebody has asked for a pause, or for the end."""
