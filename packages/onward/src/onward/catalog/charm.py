"""The charm of an application: how one kind of server or service is deployed from a bundle.

A charm is data. What its words say of a unit is filled in when a deployment is planned (``plan/deployment``): they are
Jinja expressions over the unit, its application, its options, and what related applications offer. Secrets never
stand in them: ``secret('name')`` leaves a reference that is resolved when a file is written. What it asks of others has
another name in another model's server: ``wants['shared-db'].user`` is the one that is right in either case, and
``granted('shared-db', 'nova_api')`` that of one of several. ``beside.cache`` is ``related.cache`` of those units alone
that the bundle puts where this one is, where there are such.
"""

from typing import Literal

from pydantic import Field

from onward.catalog.fact import Fact
from onward.catalog.service import Application, Command, Driver


class Program(Fact):
    """A program that has to be on the machine, and the Debian package that brings it."""

    command: str = Field(description="Its name, or its path where it is in no usual directory; may hold * once")
    package: str


class CharmOption(Fact):
    """An option of the application itself; those of the service's own files need no entry here."""

    type: Literal["string", "integer", "boolean"]
    default: str | int | bool
    choices: tuple[str, ...] = ()
    description: str


class Requirement(Fact):
    """An endpoint by which an application uses another one."""

    interface: str
    optional: bool = False
    elsewhere: bool = Field(default=False, description="Only an offer of another model fits, nothing of its own model")
    wants: dict[str, str] = Field(
        default_factory=dict,
        description="What it asks the provider for, by words; lists are separated by spaces;"
        " empty: for nothing, it only has to serve",
    )


class Provision(Fact):
    """An endpoint by which an application serves others."""

    interface: str
    grants: str | None = Field(
        default=None, description="Action that gives a user what it asked for: database.grant; None: nothing to do"
    )
    offers: dict[str, str] = Field(default_factory=dict, description="What users may know of it, by name")
    port: str = Field(default="", description="For a server behind a load balancer: which of its ports")
    greets: str = Field(default="", description="What such a server says first when it is well")
    otherwise: tuple[str, ...] = Field(
        default=(), description="Of these, what another model may say otherwise for itself, as options of its saas"
    )


class ConfigFile(Fact):
    """A file of a unit. Written whole, readable for its owner only."""

    path: str = Field(description="Below the unit's directory")
    sections: dict[str, dict[str, str]] = Field(
        default_factory=dict, description="For oslo.config and its like: values by section and option; empty: left out"
    )
    common: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="By section, the names of what many charms have alike (charm-sections.yaml); own values win",
    )
    text: str | None = Field(default=None, description="Any other file")
    program: str | None = Field(default=None, description="A program that comes with the charms, as it is")
    restarts: bool = Field(
        default=True, description="False: only a process that begins needs what it says, one that runs need not"
    )
    options: bool = Field(default=False, description="The options of bundle and operator are written here as well")


class Preparation(Fact):
    """A command that makes something of a unit before it can be started, such as an empty data directory."""

    name: str
    argv: tuple[str, ...] = Field(description="``{partial}`` is where it makes it; what is made appears whole")
    creates: str = Field(description="Below the unit's directory; where it exists, there is nothing to do")


class Ready(Fact):
    """When a process serves: it answers at a port, or takes calls from the broker."""

    port: str = Field(default="", description="Name of one of the charm's ports, on the unit's address")
    queue: str = Field(default="", description="The broker's queue that it takes calls from: conductor.HOST")
    path: str | None = Field(default=None, description="Asked over HTTP; None: that it accepts connections is enough")
    statuses: tuple[int, ...] = (200, 300)
    seconds: float = Field(default=180.0, gt=0, description="How long it may take")


class Uwsgi(Fact):
    """An API that runs under a WSGI server."""

    applications: tuple[Application, ...] = ()
    paste: str = Field(default="", description="Where it comes from a file of Paste Deploy instead: its path")
    port: str
    arguments: tuple[str, ...] = Field(default=(), description="What the code finds as the arguments of its program")
    environment: dict[str, str] = Field(default_factory=dict)
    static: dict[str, str] = Field(
        default_factory=dict, description="Directories of files that the server answers with itself, by path of the URL"
    )


class CharmProcess(Fact):
    """A process of every unit of the application."""

    name: str
    since: str | None = Field(default=None, description="First series that has it; None: all in the catalogue")
    until: str | None = None
    argv: tuple[str, ...] = ()
    wsgi: Uwsgi | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    ready: Ready | None = None
    reload_signal: Literal["HUP"] | None = Field(
        default=None, description="By which it takes over mutable options; None: it has to be restarted. Not for wsgi"
    )
    stop_signal: Literal["TERM", "INT", "QUIT"] = "TERM"
    stop_seconds: int = 30
    early: bool = Field(
        default=False,
        description="Whether its code may be imported before an outage: its program, or the module of its application,"
        " begins with imports that read no configuration and connect to nothing",
    )
    imports: tuple[str, ...] = Field(
        default=(), description="Modules that are imported ahead besides: drivers, which are found by name later"
    )
    stop_group: bool = Field(default=False, description="Signal all that it has started as well, not only itself")


class Leave(Fact):
    """How a cluster is told that a node which was stopped does not come back. Run beside a unit that stays."""

    argv: tuple[str, ...]
    environment: dict[str, str] = Field(default_factory=dict)
    stdin: str = Field(description="``leaving`` is the number of the unit that was stopped")
    answer: str = Field(description="What is printed when the cluster has forgotten it")
    source: str


class ClusterRule(Fact):
    """When the units of an application have become one cluster, and how one leaves it."""

    kind: Literal["galera", "rabbitmq"]
    leave: Leave | None = Field(default=None, description="None: a node that is stopped has left")


class Registration(Fact):
    """A service of Keystone's catalogue."""

    type: str
    name: str
    description: str
    path: str = Field(description="After the address and port: /v3")
    port: str


class Joins(Fact):
    """What has to be done elsewhere when all units of the application serve, so that they are made use of."""

    endpoint: str = Field(description="Of this charm: the application that it leads to has the configuration")
    commands: tuple[Command, ...]


class Rolling(Fact):
    """How the units of an application go to the next release one after the other, while the others serve.

    All commands are those of the release that it goes to. Where a charm says nothing of this, its service can only be
    taken forward in an outage.
    """

    source: str
    beforehand: tuple[Command, ...] = Field(
        default=(), description="Commands that only look, and fail where the release needs all units to be stopped"
    )
    expand: tuple[Command, ...] = Field(
        default=(), description="What the new code needs, and the old one does not mind; before the first unit"
    )
    migrate: tuple[Command, ...] = Field(
        default=(), description="Moves data, when all units of the service run the new code"
    )
    contract: tuple[Command, ...] = Field(default=(), description="Removes what only the old code needed; last")
    pins: dict[str, str] = Field(
        default_factory=dict, description="Options that its files have as long as units are at two releases"
    )
    batches: bool = Field(
        default=False, description="Its units go several at once, after all other applications of the service"
    )


class Charm(Fact):
    """All that is known of deploying one kind of application. Another one is another file."""

    charm: str
    summary: str
    memory: int = Field(
        gt=0, description="MiB that a unit takes after its start, with one worker (PSS; 2025.1 and Debian 12's servers)"
    )
    service: str | None = Field(default=None, description="Its service in the catalogue, whose package it runs")
    packages: tuple[Driver, ...] = Field(default=(), description="What its environment needs besides")
    programs: tuple[Program, ...] = ()
    ports: dict[str, int] = Field(default_factory=dict)
    options: dict[str, CharmOption] = Field(default_factory=dict)
    requires: dict[str, Requirement] = Field(default_factory=dict)
    provides: dict[str, Provision] = Field(default_factory=dict)
    secrets: dict[str, Literal["password", "fernet-key"]] = Field(
        default_factory=dict, description="Made once for each application of this charm"
    )
    most_units: int | None = Field(default=None, ge=1)
    files: tuple[ConfigFile, ...] = ()
    prepare: tuple[Preparation, ...] = ()
    initialise: tuple[Command, ...] = Field(
        default=(), description="Commands of the service that are run once, with the first unit's configuration"
    )
    online: tuple[Command, ...] = Field(
        default=(),
        description="Commands that move data and have to be done with a release's code before the next one's is used",
    )
    rolling: Rolling | None = Field(default=None, description="None: it cannot be done, or nobody has tried it")
    warm_modules: tuple[str, ...] = Field(
        default=(), description="What these commands import, beside the recipe's warm_modules"
    )
    initial_variables: dict[str, str] = Field(
        default_factory=dict, description="Environment variables of these commands, filled in for the first unit"
    )
    processes: tuple[CharmProcess, ...] = Field(min_length=1)
    cluster: ClusterRule | None = None
    registers: tuple[Registration, ...] = ()
    joins: Joins | None = None
