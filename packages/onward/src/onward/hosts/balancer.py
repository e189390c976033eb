"""Talks to a HAProxy that runs, through its own socket: what it sees of the servers behind it, and who gets calls.

https://docs.haproxy.org/2.6/management.html#9: a command for each connection, which HAProxy then closes.
"""

import csv
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from onward.errors import BalancerSilent

ANSWER_SECONDS = 10.0
_ENOUGH = 65536

Wish = Literal["ready", "drain"]
"""ready: it gets its part of the calls while it is well; drain: it ends those that it has and gets no new ones."""


@dataclass(frozen=True)
class Served:
    """A server behind the balancer, as that sees it. Counts are those since HAProxy has begun."""

    status: str
    """UP, DOWN, DRAIN, MAINT, and others; perhaps with how far it is on its way: UP 1/2."""
    sessions: int
    """Calls that it is answering, or that wait for it alone."""
    good: int
    """Answers of 1xx to 4xx."""
    bad: int
    """Answers of 5xx, and calls that it could not be asked or did not answer."""

    @property
    def up(self) -> bool:
        """Whether it gets calls."""
        return self.status.startswith("UP")


@dataclass(frozen=True)
class Balancer:
    """A HAProxy, by the path of its socket."""

    path: Path

    def servers(self, backend: str) -> dict[str, Served]:
        """The servers of a backend, by name. Raises BalancerSilent."""
        rows = csv.DictReader(self._ask("show stat").removeprefix("# ").splitlines())
        return {
            row["svname"]: Served(
                status=row["status"],
                sessions=_number(row, "scur") + _number(row, "qcur"),
                good=sum(_number(row, f"hrsp_{kind}xx") for kind in (1, 2, 3, 4)),
                bad=sum(_number(row, name) for name in ("hrsp_5xx", "econ", "eresp")),
            )
            for row in rows
            if row["pxname"] == backend and row["svname"] not in ("FRONTEND", "BACKEND")
        }

    def tell(self, backend: str, server: str, wish: Wish) -> None:
        """Have a server get calls, or no new ones. Told twice is as good as once. Raises BalancerSilent."""
        if answer := self._ask(f"set server {backend}/{server} state {wish}").strip():
            raise BalancerSilent(f"HAProxy does not do so to {server} of {backend}: {wish}.", evidence=answer)

    def _ask(self, command: str) -> str:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(ANSWER_SECONDS)
                connection.connect(str(self.path))
                connection.sendall(f"{command}\n".encode("ascii"))
                parts = []
                while part := connection.recv(_ENOUGH):
                    parts.append(part)
        except OSError as error:
            raise BalancerSilent("HAProxy cannot be asked.", evidence=f"{self.path}: {error}") from None
        return b"".join(parts).decode("utf-8", "replace")


def _number(row: dict[str, str], name: str) -> int:
    return int(row.get(name) or 0)
