"""An application of another model, as the plan of a model that uses its offer has to know it. Pure data."""

from pydantic import Field

from onward.plan.deployment.grant import Registered
from onward.plan.step import Frozen


class Remote(Frozen):
    """What was read from the record of the model that offers it."""

    model: str
    offer: str
    application: str
    charm: str
    endpoints: tuple[str, ...]
    address: str = Field(description="Of its first unit")
    socket: str
    offers: dict[str, dict[str, str]] = Field(description="What users may know of it, by endpoint")
    registers: tuple[Registered, ...] = Field(default=(), description="Its own services, where it has a catalogue")

    @property
    def url(self) -> str:
        """As a bundle names it."""
        return f"{self.model}.{self.offer}"
