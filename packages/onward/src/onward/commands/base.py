"""What the commands share."""

from typing import Any, Protocol

from cliff.command import Command
from cliff.lister import Lister
from cliff.show import ShowOne

from onward.hosts.state import Directories


class HasApp(Protocol):
    """Anything cliff gave its application to."""

    app: Any


def directories_of(command: HasApp) -> Directories:
    """The state and cache directories of this call, made where they were missing."""
    found: Directories = command.app.directories
    return found.prepared()


__all__ = ["Command", "Lister", "ShowOne", "directories_of"]
