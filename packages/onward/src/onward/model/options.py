"""Configuration options: what a release knows, and what a service's files set. As they were found out."""

import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict


class _Seen(BaseModel):
    model_config = ConfigDict(frozen=True)


class ValueKind(_Seen):
    """What values an option takes, in the words of oslo.config's types."""

    name: str
    """Class of oslo_config.types; of those that are not told in full here, and of a service's own, the name alone."""
    min: int | float | None = None
    max: int | float | None = None
    choices: tuple[Any, ...] | None = None
    quotes: bool = False
    ignore_case: bool = False
    max_length: int = 0
    regex: str | None = None
    flags: int = 0
    item: "ValueKind | None" = None
    bounds: bool = False


class Option(_Seen):
    """An option as a release registers it."""

    group: str
    name: str
    namespace: str
    """The entry point of oslo.config.opts that lists it."""
    formerly: tuple[tuple[str, str], ...]
    """Groups and names under which the release reads it as well."""
    kind: ValueKind
    secret: bool
    mutable: bool = False
    """A process may take over another value while it runs."""
    removal: bool
    """The release says that it will go, with this reason, since this version."""
    reason: str
    since: str
    default: bool | int | float | str | None = None
    """What it is where nobody sets it; None where that is nothing, a secret, or no plain value."""

    @property
    def why(self) -> str:
        """The first sentence of the reason."""
        return re.split(r"(?<=[a-z)`])\. |\.$", self.reason, maxsplit=1)[0]

    def __str__(self) -> str:
        return f"[{self.group}] {self.name}"


class SetOption(_Seen):
    """An option that a service's configuration files set."""

    group: str
    name: str
    value: str
    """It may be a secret: shown only where all releases say that it is none."""
    file: Path
    """The last one that sets it."""
    takes: tuple[str, ...] = ()
    """Groups of options that its section may have besides those of its own name: that of a named backend."""

    def __str__(self) -> str:
        return f"[{self.group}] {self.name}"


class ReleaseOptions(_Seen):
    """All options that a release lists."""

    series: str
    options: tuple[Option, ...]
    silent: dict[str, str]
    """Namespaces that could not be listed, with the reason."""

    def current(self, group: str, name: str) -> Option | None:
        """The option of that name; None where there is none."""
        return self._current.get(place(group, name))

    def former(self, group: str, name: str) -> Option | None:
        """The option that the release reads under that old name; None where there is none."""
        return self._former.get(place(group, name))

    def reads(self, option: SetOption) -> Option | None:
        """What it reads a setting as: under its name, an old name of it, or as one of a named backend's."""
        found = (
            named
            for group in (option.group, *option.takes)
            for look in (self.current, self.former)
            if (named := look(group, option.name)) is not None
        )
        return next(found, None)

    def unknown(self, options: Iterable[SetOption]) -> tuple[SetOption, ...]:
        """Those that it does not read."""
        return tuple(each for each in options if self.reads(each) is None)

    @cached_property
    def _current(self) -> dict[tuple[str, str], Option]:
        return {place(option.group, option.name): option for option in self.options}

    @cached_property
    def _former(self) -> dict[tuple[str, str], Option]:
        return {place(*old): option for option in reversed(self.options) for old in option.formerly}


def place(group: str, name: str) -> tuple[str, str]:
    """Group and name as oslo.config compares them (oslo_config/cfg.py, _normalize_group_name)."""
    return group if group == "DEFAULT" else group.lower(), re.sub("-", "_", name)
