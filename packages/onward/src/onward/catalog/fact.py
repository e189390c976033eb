"""The base of everything in the catalogue."""

from pydantic import BaseModel, ConfigDict


class Fact(BaseModel):
    """A fact of the outside world: immutable, and strict about keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
