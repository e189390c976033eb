"""The recipe of a service: its commands, processes, database and the rules of moving it forward."""

from typing import Literal

from pydantic import Field

from onward.catalog.fact import Fact


class Command(Fact):
    """A command of the service, run inside the environment of one series."""

    name: str
    module: str = Field(description="Python module with the command's main function: keystone.cmd.manage")
    function: str = "main"
    argv: tuple[str, ...] = Field(
        description="Arguments, the program's own name first; --config-file is added."
        " {environment} stands for the environment's directory, {user} and {group} for those of the process"
    )
    since: str | None = Field(default=None, description="First series that has it; None: all in the catalogue")
    until: str | None = Field(default=None, description="Last series that has it; None: still there")
    meanings: dict[int, str] = Field(default_factory=dict, description="What its exit statuses mean; 0 is success")
    early_options: tuple[tuple[str, str], ...] = Field(
        default=(), description="Options (group, name) that it uses before it has read its configuration files"
    )
    registers: str | None = Field(
        default=None, description="module:function that makes those options known to oslo.config"
    )
    about_configuration: bool = Field(
        default=False, description="A check of the configuration alone, which says nothing of a copy"
    )
    source: str = Field(description="Where this fact is from")


class Application(Fact):
    """The WSGI application of an API process."""

    module: str
    attribute: str = Field(description="A WSGI application, or a function without arguments that returns one")
    call: bool = Field(description="True when the attribute is a function to be called")
    argv: tuple[str, ...] = Field(default=(), description="Arguments after --config-file; as in a command")
    since: str | None = None
    until: str | None = None


class Process(Fact):
    """A process of the service."""

    name: str
    kind: Literal["wsgi", "daemon"]
    applications: tuple[Application, ...] = ()
    health_path: str = Field(default="/", description="Path that answers without authentication")


class Revision(Fact):
    """What a database says of itself when it is at a series and nothing is half done."""

    series: str
    expand: str | None = Field(default=None, description="Head of the expand branch in alembic_version")
    contract: str | None = Field(default=None, description="Head of the contract branch in alembic_version")
    migrate: dict[str, int] = Field(default_factory=dict, description="migrate_version: repository_id to version")


class History(Fact):
    """Revisions of each alembic branch in the order they are applied, those between two heads as well."""

    expand: tuple[str, ...]
    contract: tuple[str, ...]


class CensusChange(Fact):
    """A column or table that a release is documented to change, so that the census does not count it as lost."""

    series: str = Field(description="The series whose migration changes it")
    table: str
    column: str | None = Field(default=None, description="None: the whole table")
    kind: Literal["dropped", "renamed", "rewritten", "filled", "rows-added", "rows-removed"] = Field(
        description="rewritten: any value may change; filled: only where there was none (NULL)"
    )
    renamed_to: str | None = None
    reason: str
    source: str


class AnswerChange(Fact):
    """What a release is documented, or seen in its code, to answer otherwise about things from before."""

    series: str = Field(description="The first series that answers so")
    kinds: tuple[str, ...] = Field(description="token, login, or a kind of listing: application_credentials")
    attribute: str = Field(description="Path within the answer: links.self; validation for a whole token")
    of: str = Field(default="", description="Regular expression, searched in what the answer is about; empty: all")
    effect: Literal["gone", "more", "other"] = Field(
        description="gone: no longer said; more: all that was said, and more; other: anything"
    )
    reason: str
    source: str


class Database(Fact):
    """The database of a service."""

    option: tuple[str, str] = Field(
        default=("database", "connection"), description="Where its URL stands in the configuration"
    )
    signature: tuple[str, ...] = Field(
        min_length=1, description="Tables that every release of this service has, and no other service"
    )
    bookkeeping: tuple[str, ...] = Field(description="Tables of the migration tools: not the user's data")
    revisions: tuple[Revision, ...]
    history: History
    census_changes: tuple[CensusChange, ...] = ()


class KnownFault(Fact):
    """A fault of the releases themselves, recognised in a failed command's output."""

    since: str | None = Field(default=None, description="First series that has it")
    until: str | None = Field(default=None, description="Last series that has it; None: it is still there")
    backend: str | None = Field(default=None, description="sqlite or mysql; None: any")
    pattern: str = Field(description="Regular expression, searched in the output")
    connection: str | None = Field(
        default=None, description="Regular expression; a database URL that it is found in will meet the fault"
    )
    explanation: str
    way_out: str
    source: str


class LeftOut(Fact):
    """What the demonstration cloud does without where it begins at an old series."""

    kinds: tuple[str, ...] = Field(description="As the demonstration cloud calls them: limits")
    since: str | None = None
    until: str | None = None
    reason: str


class Recipe(Fact):
    """All that Onward knows of a service. Supporting another one is adding a file."""

    service: str
    package: str = Field(description="Name on the package index")
    drivers: tuple[str, ...] = Field(default=(), description="Further packages every environment needs: PyMySQL")
    configuration: str = Field(description="Usual path of the configuration file")
    warm_modules: tuple[str, ...] = Field(
        description="Modules that a warm runner imports ahead; missing ones are skipped"
    )
    processes: tuple[Process, ...]
    database: Database
    offline: tuple[Command, ...] = Field(description="Migration while the service is down, in order")
    online: tuple[Command, ...] = Field(default=(), description="Migration phases while it is up, in order")
    enter_next: Command = Field(description="Exit status 0: the next series may be entered")
    checks: tuple[Command, ...] = ()
    bootstrap: tuple[Command, ...] = Field(default=(), description="Commands that make a new, empty installation")
    known_faults: tuple[KnownFault, ...] = ()
    answer_changes: tuple[AnswerChange, ...] = ()
    demonstration_without: tuple[LeftOut, ...] = ()
    demonstration_from: str = Field(
        description="Oldest series whose new database every later release can take over, on SQLite as well"
    )
