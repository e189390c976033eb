"""What everything that Onward is told, and remembers, has in common."""

from pydantic import BaseModel, ConfigDict


class Described(BaseModel):
    """Base of what is read from files and kept in them: immutable, and strict about keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    """Deferred: each command imports many more parts than it reads."""
