"""What the commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from cliff import command, lister, show

from onward.errors import USAGE, OutputUnwritable
from onward.hosts.state import Directories


class HasApp(Protocol):
    """Anything cliff gave its application to."""

    app: Any


class Command(command.Command):
    """A command that does something, and may tell what takes long."""

    def tell(self, text: str) -> None:
        """Say on standard error what is being done."""
        print(text, file=self.app.stderr)


class Lister(lister.Lister):
    """A command that shows a table. A column that there is not is a usage error, not an empty answer."""

    def produce_output(self, parsed_args: Any, column_names: Sequence[str], data: Any) -> int:
        """Show it in the format that was asked for."""
        _must_have(self, parsed_args.columns, column_names)
        return int(super().produce_output(parsed_args, column_names, data) or 0)


class ShowOne(show.ShowOne):
    """The same for a command that shows names and values."""

    def produce_output(self, parsed_args: Any, column_names: Sequence[str], data: Any) -> int:
        """Show it in the format that was asked for."""
        _must_have(self, parsed_args.columns, column_names)
        return int(super().produce_output(parsed_args, column_names, data) or 0)


def _must_have(command: HasApp, wanted: Sequence[str], present: Sequence[str]) -> None:
    """Return when all columns exist; names are compared as cliff does it: server_name is Server Name."""
    known = {name.lower().replace(" ", "_") for name in present}
    missing = [name for name in wanted if name.strip().lower().replace(" ", "_") not in known]
    if missing:
        print(
            f"onward: there is no column {', '.join(map(repr, missing))}; there are {', '.join(present)}",
            file=command.app.stderr,
        )
        raise SystemExit(USAGE)


def directories_of(command: HasApp) -> Directories:
    """The state and cache directories of this call, made where they were missing. Raises OutputUnwritable."""
    found: Directories = command.app.directories
    try:
        return found.prepared()
    except OSError as error:
        raise OutputUnwritable(
            "Onward has no directory to keep runs and environments in.",
            evidence=f"{error.filename}: {error.strerror}",
            next_command="name other directories with --state-dir and --cache-dir",
        ) from None


def write_output(path: Path, text: str) -> None:
    """Write a file that was asked for. Raises OutputUnwritable."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputUnwritable(
            f"{path} cannot be written.", evidence=str(error.strerror), next_command="name another file"
        ) from None


def make_directory(path: Path | None) -> None:
    """Make a directory that was asked for, before anything is done of which it will tell. Raises OutputUnwritable."""
    if path is None:
        return
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputUnwritable(
            f"{path} cannot be made.", evidence=str(error.strerror), next_command="name another directory"
        ) from None


__all__ = ["Command", "Lister", "ShowOne", "directories_of", "make_directory", "write_output"]
