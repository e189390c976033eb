"""The recipe of a service: how it is configured, checked and protected, and how it is taken forward."""

from typing import Literal

from pydantic import Field, model_validator

from onward.catalog.fact import Fact
from onward.catalog.heartbeats import Heartbeats
from onward.catalog.online_migrations import OnlineMigrations

Need = Literal["database", "identity", "placement", "block-storage", "ovn", "jobboard"]
"""What a check talks to. database: that of the service; jobboard: taskflow's Redis, etcd or ZooKeeper; else APIs."""


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
    once: bool = Field(default=False, description="It makes what there is once, and is not for a later release")
    done_before: tuple[int, ...] = Field(
        default=(), description="Exit statuses which say that what it does was done before: success as well"
    )
    early_options: tuple[tuple[str, str], ...] = Field(
        default=(), description="Options (group, name) that it uses before it has read its configuration files"
    )
    registers: str | None = Field(
        default=None, description="module:function that makes those options known to oslo.config"
    )
    about_configuration: bool = Field(
        default=False, description="A check of the configuration alone, which says nothing of a copy"
    )
    waits_until: str | None = Field(
        default=None,
        description="Of what moves data: on a way that ends at this series or before, no release and no schema needs it"
        " moved, so that the last one can move all of it while it serves",
    )
    source: str = Field(description="Where this fact is from")


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


class FalseAlarm(Fact):
    """A failure of a service's own check that may be about rows which are in order."""

    finding: str = Field(description="The check's name, as it prints it: Service UUIDs")
    count: str = Field(
        description="Query for the number of rows that are in fact as the check says; where it is 0, nothing is wrong"
    )
    reason: str = Field(description="What the other rows are")
    source: str


class Check(Command):
    """An upgrade check of the service's own."""

    prints: Literal["json", "table", "symptoms"] = Field(
        description="json: oslo.upgradecheck's JSON in one line; table: the same as a table for people, which is all"
        " that some print even where they take --json; symptoms: keystone-manage doctor's lines"
    )
    needs: tuple[Need, ...] = Field(
        default=(), description="What it has to reach besides the files of the configuration"
    )
    doubts: str | None = Field(
        default=None,
        description="Regular expression; where it is found in the output, a check calls something good that it could"
        " not look at, so that its successes prove nothing",
    )
    writes: str | None = Field(default=None, description="What it may change; None: it reads only")
    known_faults: tuple[KnownFault, ...] = Field(
        default=(), description="Faults of releases for which it does not come to its end, whatever the cloud is like"
    )
    false_alarms: tuple[FalseAlarm, ...] = ()


class Driver(Fact):
    """A package that an environment needs and the service's package does not ask for, or not for the right version.

    In a file its name is enough.
    """

    package: str = Field(description="Name on the package index, perhaps with a limit: PyMySQL, XStatic-Font-Awesome<5")
    module: str = Field(description="What it is imported as: pymysql")
    since: str | None = None
    until: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_package_alone(cls, entry: object) -> object:
        return {"package": entry, "module": entry.lower()} if isinstance(entry, str) else entry


class Policy(Fact):
    """Where a service's policy is: what its code registers, and what an operator overrides.

    The usual names are those of oslo.policy (oslo_policy/opts.py), which no service of the catalogue departs from:
    policy.yaml since Wallaby at the latest, policy.json before.
    """

    namespace: str = Field(description="Its name in the entry-point group oslo.policy.policies: the registered rules")
    enforcer: str = Field(description="Its name in the group oslo.policy.enforcer: what the code decides with")
    files: tuple[str, ...] = Field(
        default=("policy.yaml", "policy.json"),
        description="Usual names of the overrides beside the configuration file, the default of [oslo_policy]"
        " policy_file first, then those of earlier times",
    )
    directories: tuple[str, ...] = Field(
        default=("policy.d",), description="Usual directories of further overrides: [oslo_policy] policy_dirs"
    )
    source: str


class OptionNamespace(Fact):
    """A namespace of the entry-point group oslo.config.opts whose options the service's files may set."""

    name: str
    since: str | None = None
    until: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_name_alone(cls, entry: object) -> object:
        return {"name": entry} if isinstance(entry, str) else entry


class NamedSections(Fact):
    """Sections of the configuration that an operator names, each with the options of groups that the service lists."""

    option: tuple[str, str] = Field(description="The list (group, name) of their names, each perhaps with :TYPE behind")
    always: tuple[str, ...] = Field(default=(), description="Names that are used without being listed")
    takes: tuple[str, ...] = Field(min_length=1, description="Groups whose options they may have")
    source: str


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
    at_most: int | None = Field(default=None, description="Of rows-removed: how many; None: any number")
    reason: str
    source: str


class CensusFacts(Fact):
    """What of a service's databases is nobody's data, and what releases are documented to change of the rest."""

    bookkeeping: tuple[str, ...] = Field(
        default=("alembic_version", "migrate_version"),
        description="Tables of the migration tools: alembic's, and that of sqlalchemy-migrate before it",
    )
    changes: tuple[CensusChange, ...] = ()


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
    """What is in the database of a service."""

    signature: tuple[str, ...] = Field(
        min_length=1, description="Tables that every release of this service has, and no other service"
    )
    revisions: tuple[Revision, ...]
    history: History


class LeftOut(Fact):
    """What the demonstration cloud does without where it begins at an old series."""

    kinds: tuple[str, ...] = Field(description="As the demonstration cloud calls them: limits")
    since: str | None = None
    until: str | None = None
    reason: str


class Extraction(Fact):
    """Tables that were part of another service's database until this service got one of its own."""

    owner: str = Field(description="That service: nova")
    database: str = Field(description="The usual name of its database: nova_api")
    until: str = Field(description="Last series at which they may be there still")
    taken_by: str = Field(description="Series of this service whose code takes them over")
    tables: tuple[str, ...] = Field(min_length=1)
    stamp: Command = Field(description="Has the new database say at which revision those tables are")
    source: str


class Recipe(Fact):
    """All that Onward knows of a service, whether or not it can take it forward. Another service is another file."""

    service: str
    package: str = Field(description="Name on the package index")
    module: str = Field(
        description="Module with one of its main functions: an environment in which it can be imported is whole"
    )
    drivers: tuple[Driver, ...] = Field(default=(), description="Further packages that every environment needs")
    configuration: tuple[str, ...] = Field(
        min_length=1, description="Usual paths of the configuration files of its API, in the order it reads them"
    )
    connections: tuple[tuple[str, str], ...] = Field(
        default=(("database", "connection"),),
        description="Options (group, name) with the URLs of its databases, that of the service itself first;"
        " empty: it has none",
    )
    cells: bool = Field(
        default=False, description="The second of its databases lists cells, each with a database like the first"
    )
    options: tuple[OptionNamespace, ...] = Field(
        description="Namespaces of oslo.config that make up those files, as the service's own sample generator has"
        " them; empty: its files are none of oslo.config's"
    )
    named_sections: tuple[NamedSections, ...] = ()
    census: CensusFacts = CensusFacts()
    policy: Policy | None = Field(description="null: it has none of its own")
    checks: tuple[Check, ...] = Field(description="Its own upgrade checks; empty: it has none, or they are not run")
    checks_not_run: str = Field(default="", description="Why those that it has are not run")
    online_migrations: OnlineMigrations | None = Field(
        default=None, description="Data that it moves while it runs; None: it has no command for that"
    )
    extraction: Extraction | None = Field(default=None, description="None: it always had a database of its own")
    each_cell: tuple[Command, ...] = Field(
        default=(), description="What migrates the database of each further cell, when its configuration is that cell's"
    )
    heartbeats: Heartbeats | None = Field(
        default=None, description="Where its processes say that they live; None: nowhere in its database"
    )
    variables: dict[str, str] = Field(
        default_factory=dict, description="Environment variables that its code needs when Onward runs it"
    )
    warm_modules: tuple[str, ...] = Field(
        description="Modules that a warm runner imports ahead; missing ones are skipped"
    )


class ForwardRecipe(Recipe):
    """A service that Onward can take forward. What a recipe has not stands below ``forward`` in the file."""

    processes: tuple[Process, ...]
    database: Database
    offline: tuple[Command, ...] = Field(description="Migration while the service is down, in order")
    online: tuple[Command, ...] = Field(default=(), description="Migration phases while it is up, in order")
    enter_next: Command = Field(description="Exit status 0: the next series may be entered")
    bootstrap: tuple[Command, ...] = Field(default=(), description="Commands that make a new, empty installation")
    known_faults: tuple[KnownFault, ...] = ()
    answer_changes: tuple[AnswerChange, ...] = ()
    demonstration_without: tuple[LeftOut, ...] = ()
    demonstration_from: str = Field(
        description="Oldest series whose new database every later release can take over, on SQLite as well"
    )
