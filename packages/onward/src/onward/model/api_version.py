"""A version of an API, as it tells everybody."""

from pydantic import Field

from onward.model.described import Described


class ApiVersion(Described):
    """A version, and its microversions: a client that names none is answered as by the least."""

    version: str
    status: str = Field(description="In the API's own words: CURRENT, stable, SUPPORTED")
    least: str = Field(default="", description="Microversion; empty where it has none")
    most: str = ""

    def __str__(self) -> str:
        return f"{self.version} ({self.least} to {self.most})" if self.most else self.version
