"""Data that a release moves while it runs, and what shows that some is left."""

from typing import Literal

from pydantic import Field, model_validator

from onward.catalog.fact import Fact


class OnlineMigration(Fact):
    """One function of online_data_migrations, and how the rows that it would move are counted without it."""

    name: str = Field(description="The function's")
    what: str = Field(description="The rows, for people: volumes of which it is not known whether they count")
    database: Literal["own", "api"] = Field(
        default="own", description="own: that of the service, for nova that of each cell; api: the second one"
    )
    table: str = ""
    where: str = Field(default="", description="Condition for the rows that it would move")
    count: dict[Literal["mysql", "sqlite"], str] = Field(
        default_factory=dict, description="Query for their number, where a table and a condition do not say it"
    )
    since: str | None = Field(default=None, description="First series that has it; None: all in the catalogue")
    until: str | None = Field(default=None, description="Last series that has it; None: still there")
    may_stay: str = Field(default="", description="Why some of these rows may be left for good; empty: none is")
    source: str

    @model_validator(mode="after")
    def _one_way_to_count(self) -> "OnlineMigration":
        if bool(self.table and self.where) == bool(self.count):
            raise ValueError("either table and where, or count")
        return self

    def query(self, dialect: str) -> str | None:
        """The query for the number of rows; None where there is none for such a database."""
        if self.table:
            return f"SELECT COUNT(*) FROM {self.table} WHERE {self.where}"  # noqa: S608 - the catalogue's own words
        return next((words for name, words in self.count.items() if name == dialect), None)


class OnlineMigrations(Fact):
    """The functions that a service's command runs, in its order."""

    command: str = Field(description="What runs them")
    functions: tuple[OnlineMigration, ...]
