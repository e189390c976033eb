"""What an application asks of another one that serves it: the arguments of the steps that grant it."""

from pydantic import Field

from onward.plan.step import Frozen


class Registered(Frozen):
    """A service of Keystone's catalogue, with its URLs."""

    type: str
    name: str
    description: str
    public: str
    internal: str


class GrantWish(Frozen):
    """A grant, from the one who asks and the one who gives."""

    application: str
    provider: str
    wants: dict[str, str] = Field(description="As the charm of the application has it: databases, user, vhost")
    secret: str = Field(description="Name of the secret that becomes the user's password")
    address: str = Field(description="Of the provider's first unit")
    ports: dict[str, int]
    socket: str
    offers: dict[str, str]
    registers: tuple[Registered, ...] = ()
    model: str = Field(default="", description="The other model that the provider is of; empty: this one")
    alongside: tuple[Registered, ...] = Field(
        default=(), description="The provider's own services, where users of this model's region look for them"
    )
