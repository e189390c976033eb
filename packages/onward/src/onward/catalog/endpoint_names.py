"""Names that Keystone fills in the URLs of endpoints."""

from pydantic import Field

from onward.catalog.fact import Fact


class NameGone(Fact):
    """A name that Keystone does not fill any more."""

    name: str
    gone_since: str = Field(description="First series without it")
    source: str = Field(description="Where this fact is from")
