"""A unit as it shall be: its files and its processes, with references where secrets belong. Pure data of a plan."""

import re
from typing import Literal

from pydantic import Field

from onward.model.bundle import OptionValue
from onward.model.described import Described

SECRET = re.compile(r"\$\(secret:([a-z0-9-]+/[a-z0-9-]+)\)")
"""How a plan refers to a secret: ``$(secret:keystone/admin-password)``."""


def name_in_paths(unit: str) -> str:
    """A unit's name where there can be no slash: keystone-0 for keystone/0."""
    return unit.replace("/", "-")


def secret_reference(application: str, name: str) -> str:
    """What stands in a plan where this secret of an application belongs."""
    return f"$(secret:{application}/{name})"


class UnitFile(Described):
    """A file of a unit, whole."""

    path: str = Field(description="Below the unit's directory")
    text: str
    restarts: bool = Field(default=True, description="Whether a process that runs with an older one is restarted")


class UnitPreparation(Described):
    """A command that makes something once."""

    name: str
    argv: tuple[str, ...]
    creates: str


class QueueProbe(Described):
    """How it is seen that a process takes calls from the broker: its queue has a consumer."""

    model: str = Field(default="", description="Where the broker is another model's: that model, which has its secret")
    addresses: tuple[str, ...] = Field(description="Of the broker's nodes; the first that answers is believed")
    port: int = Field(description="Of the broker's management API")
    vhost: str
    queue: str
    secret: str = Field(description="Name of the secret that is the broker's administrator's password")
    seconds: float


class ReadyProbe(Described):
    """How it is seen that a process serves."""

    address: str
    port: int
    path: str | None = None
    statuses: tuple[int, ...] = (200, 300)
    seconds: float


class UnitProcess(Described):
    """A process of a unit."""

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str] = Field(default_factory=dict)
    directory: str
    ready: ReadyProbe | QueueProbe | None = None
    reload_signal: Literal["HUP"] | None = Field(default=None, description="By which it takes over mutable options")
    reload_file: str | None = Field(default=None, description="Or the file that is touched for that")
    stop_signal: Literal["TERM", "INT", "QUIT", "WINCH"] = "TERM"
    stop_seconds: int = 30
    stop_group: bool = False
    waits: bool = Field(
        default=False, description="Whether it waits, its code imported, as long as there is a file called $ONWARD_GATE"
    )


class UnitState(Described):
    """All that a unit shall be."""

    unit: str
    directory: str
    files: tuple[UnitFile, ...]
    preparations: tuple[UnitPreparation, ...] = ()
    processes: tuple[UnitProcess, ...] = ()
    health_code: str = Field(default="", description="Digest of onward-service's code where its API has that, or empty")
    settled: str = Field(default="", description="Digest of what its processes have to be restarted for")
    mutable: dict[str, OptionValue] = Field(
        default_factory=dict, description="Options of its files that its processes take over while they run"
    )


class Owed(Described):
    """That a unit has to be restarted."""

    unit: str
    digest: str = Field(description="Of the step that starts it as it shall be")
    since: float = Field(description="Seconds since the epoch, of the first reason")
    reasons: tuple[str, ...]
    deferred: bool = Field(default=False, description="Whether it waits until somebody asks for it")
