"""A unit behind a load balancer, as the actions that take it out and let it in see it."""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import Field

from onward.errors import BalancerSilent
from onward.hosts.balancer import Balancer, Served
from onward.plan.step import Frozen

DRAIN_SECONDS = 5.0
"""For calls that are on their way from the balancer to a unit. Those that a unit has taken are waited for longer: it
is stopped as a server is that ends when they are answered."""
LOOK_SECONDS = 0.02


class Behind(Frozen):
    """Where a unit stands behind a load balancer."""

    socket: Path = Field(description="Of the HAProxy")
    backend: str
    server: str
    address: str = Field(description="Where it is called past the balancer")
    port: int
    url: str = Field(description="What is asked of it through the balancer")

    def seen(self) -> dict[str, Served]:
        """All units behind it, as it sees them. Raises BalancerSilent."""
        return Balancer(self.socket).servers(self.backend)

    def take_out(self) -> None:
        """Have it get no new calls. Raises BalancerSilent."""
        Balancer(self.socket).tell(self.backend, self.server, "drain")

    def let_in(self) -> None:
        """Have it get calls while it is well. Raises BalancerSilent."""
        Balancer(self.socket).tell(self.backend, self.server, "ready")

    def let_in_where_known(self) -> None:
        """The same of a unit that starts: a run that was killed may have left it out. Who does not run forgets it."""
        with suppress(BalancerSilent):
            self.let_in()


def drain(places: Sequence[Behind]) -> None:
    """Have callers be told at the balancer that nobody is there, and wait for those who were let in before.

    A balancer that cannot be asked goes on sending calls, which end at a closed port.
    """
    with suppress(BalancerSilent):
        for place in places:
            place.take_out()
        deadline = time.monotonic() + DRAIN_SECONDS
        while any(place.seen()[place.server].sessions for place in places) and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
