"""What was seen of the database servers below the services. Data, without a judgement."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

NoAnswer = Literal["refused", "silent", "unreachable", "full", "login", "broken"]
"""Why a server could not be looked at: nobody listens, no answer in time, no way there, no connection left, the login
was refused, the connection broke."""


@dataclass(frozen=True)
class Unseen:
    """A part that the server would not show."""

    why: str
    way_out: str = ""
    withheld: bool = False
    """Whether the account may not see it. A service's own account has the privileges of its database, and no other."""


@dataclass(frozen=True)
class Connection:
    """A connection to the server. What it asks is left out, but for the first word: it may hold what is secret."""

    thread: int
    """What KILL takes."""
    user: str
    host: str
    """With its port, as the server knows it."""
    database: str
    """The database that it has chosen; empty where none."""
    command: str
    """Sleep, Query, ..."""
    seconds: int
    """For how long it has been doing that."""
    state: str
    verb: str = ""
    """ALTER, SELECT, ..."""

    @property
    def who(self) -> str:
        """How people know it."""
        return f"thread {self.thread}, {self.user}@{self.host}"


@dataclass(frozen=True)
class Transaction:
    """An open transaction of InnoDB."""

    connection: Connection
    seconds: int
    """Since it began."""
    rows_locked: int
    rows_changed: int
    waiting_seconds: int | None = None
    """For how long it has waited for a lock on rows; None where it does not."""
    blocked_by: tuple[int, ...] = ()
    """Threads that hold that lock, where the server says so."""
    table: str = ""
    """The table of that lock, where the server says so."""


@dataclass(frozen=True)
class DatabaseServer:
    """One server, as far as it could be seen."""

    node: str
    """HOST:PORT, or the path of its socket."""
    no_answer: NoAnswer | None = None
    words: str = ""
    """What was said of that."""
    user: str = ""
    """The account that looked, as the server has it: keystone@%."""
    version: str = ""
    """10.11.6-MariaDB-log."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Global variables that the findings need, by name in lower case."""
    status: Mapping[str, str] = field(default_factory=dict)
    paused_now: float | None = None
    """Part of a short time, just now, in which flow control stopped all writes; None where there is no Galera."""
    grants: Mapping[str, bool] = field(default_factory=dict)
    """By account that services use: whether it may create triggers while the binary log is on."""
    connections: tuple[Connection, ...] = ()
    """All, or those of the own account where ``transactions`` is Unseen."""
    transactions: tuple[Transaction, ...] | Unseen = ()
    replication: tuple[Mapping[str, str], ...] | Unseen = ()
    """One for each source that it replicates from, as SHOW REPLICA STATUS names things, in MariaDB's old words."""
    free_bytes: int | Unseen = Unseen("was not asked")
    """On the disk with its data."""
    table_bytes: Mapping[str, int] = field(default_factory=dict)
    """Size of the services' tables, by ``database.table``, as the server estimates it."""
    unread: tuple[str, ...] = ()
    """What was asked and not answered for another reason, with that reason."""

    @property
    def answers(self) -> bool:
        """Whether it could be looked at."""
        return self.no_answer is None

    @property
    def product(self) -> Literal["MariaDB", "MySQL"]:
        """Percona's server is MySQL in all that matters here."""
        return "MariaDB" if "mariadb" in self.version.lower() else "MySQL"

    @property
    def release(self) -> tuple[int, ...]:
        """The version's numbers: (10, 11, 6)."""
        # A MariaDB that is older than its clients expect says 5.5.5- before its own version.
        plain = self.version.removeprefix("5.5.5-").partition("-")[0]
        return tuple(int(part) for part in plain.split(".") if part.isdigit())

    @property
    def clustered(self) -> bool:
        """Whether it is, or should be, a node of a Galera cluster."""
        return self.variables.get("wsrep_on", "OFF").upper() == "ON"
