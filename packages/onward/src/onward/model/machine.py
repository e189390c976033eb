"""A machine that is reached over SSH: where it is, and what Onward keeps there."""

import re
from typing import Any, Literal

from pydantic import Field

from onward.model.described import Described

SSH = "ssh://"
SSH_PORT = 22
_ADDRESS = re.compile(r"ssh://(?:([a-z_][a-z0-9_.-]*\$?)@)?([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::([0-9]{1,5}))?/?")


class SshAddress(Described):
    """How a machine is reached: ``ssh://USER@HOST:PORT``, without a user as root, without a port at 22."""

    user: str = "root"
    host: str
    port: int = Field(default=SSH_PORT, ge=1, le=65535)

    def __str__(self) -> str:
        return f"{SSH}{self.user}@{self.host}:{self.port}"


def ssh_address(text: str) -> SshAddress:
    """The parts of such an address. Raises ValueError, which says what is wrong; a password is no part of it."""
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError(f"expected {SSH}USER@HOST:PORT, with neither a password nor a path")
    user, host, port = found.groups()
    more: dict[str, Any] = {name: value for name, value in (("user", user), ("port", port)) if value is not None}
    return SshAddress(host=host.strip("[]"), **more)


class RemoteMachine(Described):
    """A machine of a model, as it is remembered: everything that is needed to reach it and to find a unit there."""

    name: str
    address: SshAddress
    identity: str | None = Field(default=None, description="File of the private key; otherwise the user's own keys")
    sudo: bool = Field(description="Whether commands are run as root by sudo")
    directory: str = Field(description="All that is kept there is below it")
    cache: str = Field(description="Where environments are built")
    python: str = Field(description="The interpreter that runs Onward's own code there")
    user: str = Field(description="Who runs the processes there")
    sockets: str = Field(description="Of the model: a directory with a path short enough")
    keeper: Literal["supervisor", "systemd"] = Field(description="What keeps processes running there")
    programs: dict[str, str] = Field(default_factory=dict, description="Paths of servers, by the charms' names of them")


class KnownMachine(Described):
    """A machine that Onward was told of, by an inventory or by its address."""

    name: str
    address: SshAddress
    identity: str | None = Field(default=None, description="File of the private key; otherwise the user's own keys")
    sudo: bool = Field(default=False, description="Whether commands are run as root by sudo")
    groups: tuple[str, ...] = Field(default=(), description="Those it is in, by the inventory")
    rack: str | None = Field(default=None, description="What is lost together with it: by the inventory, or as told")
