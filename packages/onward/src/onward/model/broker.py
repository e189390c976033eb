"""What was seen of a message broker: by ``observe/broker.py``, for ``checks`` to judge. Without passwords."""

from dataclasses import dataclass
from typing import Literal

Outcome = Literal["answered", "unreachable", "silent", "refused", "not trusted", "no tls", "tls", "not understood"]
"""``silent``: the connection was accepted, perhaps by the kernel alone, and no answer came in time. ``refused``: it
answered, and the user, the password or the virtual host is not accepted. ``no tls``: it should speak TLS, and does not;
``tls``: the other way round."""


@dataclass(frozen=True)
class BrokerNode:
    """One node as the management API describes it; of one that does not run only the name is known. Sizes in bytes."""

    name: str
    """Its Erlang name: rabbit@controller1."""
    running: bool
    partitions: tuple[str, ...] = ()
    """Nodes that it has lost touch with and that went on running."""
    drained: bool = False
    """In maintenance mode: it takes no client connections."""
    memory_alarm: bool = False
    memory_used: int = 0
    memory_limit: int = 0
    disk_alarm: bool = False
    disk_free: int = 0
    disk_limit: int = 0
    used: tuple[tuple[str, int, int], ...] = ()
    """What runs out: its name, how many are used, and how many there are; ``file descriptors``, ``sockets``."""


@dataclass(frozen=True)
class ManagementAnswer:
    """What one URL of the management API says."""

    address: str
    """HOST:PORT of the URL."""
    outcome: Outcome
    reason: str = ""
    """Why there is nothing more, where it did not answer."""
    node: str = ""
    """Name of the node that answered."""
    release: str = ""
    """Its version of RabbitMQ: 3.10.8."""
    erlang: str = ""
    nodes: tuple[BrokerNode, ...] | None = None
    """All nodes of its cluster, in its eyes; None: not known, see ``nodes_reason``."""
    nodes_reason: str = ""
    alarms: tuple[str, ...] | None = None
    """What is in alarm in the cluster, as this node has heard: ``memory of rabbit@controller1``; None: not known."""


@dataclass(frozen=True)
class Queue:
    """One queue. Numbers of messages as of the broker's last count, some seconds ago."""

    name: str
    virtual_host: str
    kind: str
    """``classic``, ``quorum``, ``stream``."""
    state: str
    """``running``, ``idle``; ``down``, ``stopped``, ``crashed``, ``minority``; empty where the broker does not say."""
    messages: int
    consumers: int
    growth: float = 0.0
    """Messages that are added each second, less those that are taken."""
    node: str = ""
    """Where it is, or where its leader is; empty where it has none."""
    members: tuple[str, ...] = ()
    online: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoginAnswer:
    """What a server said to a service's credentials."""

    address: str
    user: str
    virtual_host: str
    services: tuple[str, ...]
    """Whose transport_url has them."""
    outcome: Outcome
    reason: str = ""
    release: str = ""


@dataclass(frozen=True)
class BrokerObservation:
    """All that was seen of the broker."""

    logins: tuple[LoginAnswer, ...]
    management: tuple[ManagementAnswer, ...]
    user: str
    """With which the management API was asked."""
    queues: tuple[Queue, ...] | None
    queues_reason: str
    flags: dict[str, bool] | None
    """Stable feature flags of the cluster, and whether each is enabled; None: not known."""
    flags_reason: str
