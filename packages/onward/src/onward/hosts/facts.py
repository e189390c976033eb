"""What machines are and have, asked of each before anything is done there."""

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field

from onward.errors import HostUnfit
from onward.hosts.ssh import Host
from onward.model.described import Described

FACTS_SECONDS = 60.0
_PROGRAM = (files("onward.hosts") / "facts_program.py").read_text(encoding="utf-8")
_SUDO_REFUSED = ("sudo:", "sudo ")


class HostFacts(Described):
    """What a machine says of itself."""

    hostname: str
    system: str
    machine: str
    libc: str
    user: str
    uid: int
    home: str
    python: str
    python_version: str
    systemd: bool
    processors: int
    memory_available: int = Field(description="Bytes")
    free: dict[str, int] = Field(description="Bytes, by directory")
    programs: dict[str, str | None]
    pythons: dict[str, tuple[str, str] | None] = Field(description="Path and version there, by the path that was asked")
    addresses: dict[str, bool] = Field(description="Whether each that was asked for is one of the machine's own")
    listening: tuple[tuple[str, int], ...]

    @property
    def keeper(self) -> Literal["supervisor", "systemd"]:
        """What keeps processes running there: systemd where it runs and we are root."""
        return "systemd" if self.systemd and self.uid == 0 else "supervisor"


class Asked(Described):
    """What a machine is asked about."""

    directories: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    pythons: dict[str, str] = Field(default_factory=dict, description="Versions by the path that they have here")
    addresses: tuple[str, ...] = ()


async def facts_of(host: Host, asked: Asked, pythons: Sequence[str] = ()) -> HostFacts:
    """Ask a machine, with the first of the ``pythons`` that it has. Raises HostUnreachable, HostUnfit."""
    program = f"WANTED = {asked.model_dump(mode='json')!r}\n{_PROGRAM}"
    candidates = " ".join([*pythons, "python3"])
    line = f'for each in {candidates}; do if command -v "$each" >/dev/null; then exec "$each" -I -; fi; done; exit 127'
    said = await host.run(["sh", "-c", line], stdin=program.encode(), timeout_seconds=FACTS_SECONDS)
    access = host.access
    if said.exit_status == 127 and not said.stdout:
        raise HostUnfit(f"{access.name} ({access.address}) has no Python 3.", next_command="apt-get install python3")
    if said.exit_status != 0 and said.stderr.startswith(_SUDO_REFUSED):
        raise HostUnfit(
            f"{access.address.user} cannot become root on {access.name} ({access.address}).",
            evidence=said.tail(3),
            next_command="allow it in sudoers without a password, or say `sudo: false` of the machine in the bundle",
        )
    try:
        told: Any = json.loads(said.stdout)
        return HostFacts.model_validate(told)
    except ValueError:
        raise HostUnfit(f"{access.name} ({access.address}) does not say what it is.", evidence=said.tail(5)) from None
