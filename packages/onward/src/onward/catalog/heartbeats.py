"""Where the processes of a service say that they live."""

from pydantic import Field

from onward.catalog.fact import Fact


class Oldest(Fact):
    """The oldest version with which a release works."""

    series: str
    version: int


class ListedByApi(Fact):
    """How the service's API lists the same processes, for those who cannot read its database. Times in it are UTC."""

    types: tuple[str, ...] = Field(min_length=1, description="Types of the service in a catalogue")
    path: str = Field(description="After the URL of the catalogue")
    key: str = Field(description="Where the list is in the answer")
    headers: dict[str, str] = Field(default_factory=dict)
    kind: str = Field(description="Key of each entry: what the process is; and so on, as in the table")
    host: str
    identifier: str
    seen: str
    disabled: tuple[str, str] = Field(description="Key, and its value as text, of those that somebody disabled")
    reason: str | None = None
    forced_down: str | None = None
    zone: str | None = Field(default=None, description="Key with the availability zone that it is in")
    source: str


class Heartbeats(Fact):
    """The table in a service's database with a row for each process that reports. Times in it are UTC."""

    table: str
    kind: str = Field(description="Column with what the process is: nova-compute")
    host: str = Field(description="Column with the host that it is on")
    identifier: str = Field(description="Column with what the command below wants to have")
    seen: tuple[str, ...] = Field(min_length=1, description="Columns with when it was last seen: the first that is set")
    there: str = Field(default="", description="Condition for rows that were not deleted")
    disabled: str = Field(default="", description="Condition for those that somebody disabled on purpose")
    reason: str | None = Field(default=None, description="Column with why they did")
    forced_down: str | None = Field(default=None, description="Column that somebody sets to declare it down")
    silent: tuple[str, ...] = Field(default=(), description="Kinds that register once, and do not report afterwards")
    once: bool = Field(default=False, description="There should be one row for a kind and a host, and may be more")
    interval: str | None = Field(
        default=None, description="Column with the seconds between two reports of this process"
    )
    option: tuple[str, str] | None = Field(default=None, description="Option (group, name) with the seconds")
    seconds: float = Field(default=0, description="The option's default")
    times: float = Field(default=1, description="How many of these seconds a process may be late")
    versions: tuple[str, ...] = Field(default=(), description="Columns with the versions that a process speaks")
    oldest: tuple[Oldest, ...] = Field(
        default=(), description="The least of the first of these columns with which a series' API starts, by series"
    )
    oldest_of: str | None = Field(default=None, description="The kind that the least is of")
    oldest_ignored: tuple[str, str] | None = Field(
        default=None, description="Option (group, name) with which it starts all the same"
    )
    oldest_check: str | None = Field(
        default=None, description="What of the service's own upgrade check fails for the same reason, whatever it says"
    )
    api: ListedByApi | None = None
    remove: str = Field(description="Command that removes a row; {id}, {kind} and {host} stand for its own")
    source: str

    @property
    def columns(self) -> dict[str, str]:
        """Columns that are read as they are, by what they are called here."""
        named = {"kind": self.kind, "host": self.host, "identifier": self.identifier}
        named |= {"reason": self.reason} if self.reason else {}
        return named | ({"interval": self.interval} if self.interval else {})
