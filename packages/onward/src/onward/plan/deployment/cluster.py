"""Which units have to have become one cluster: the arguments of the steps that wait for it."""

from onward.plan.step import Frozen


class Member(Frozen):
    """A unit of the cluster."""

    unit: str
    address: str
    socket: str


class ClusterWish(Frozen):
    """A cluster, and where its members are asked."""

    application: str
    members: tuple[Member, ...]
    ports: dict[str, int]
    secret: str = ""
