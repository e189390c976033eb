"""Which units have to have become one cluster: the arguments of the steps that wait for it."""

from pydantic import Field

from onward.plan.step import Frozen


class Member(Frozen):
    """A unit of the cluster."""

    unit: str
    address: str
    socket: str


class ClusterWish(Frozen):
    """A cluster, and where its members are asked."""

    application: str
    members: tuple[Member, ...] = Field(description="Those that are asked: all that are where the first one is")
    size: int = Field(default=0, description="How many there are, with those on other machines; 0: no others")
    ports: dict[str, int]
    secret: str = ""
