"""Reads any option of a service's configuration files, with the parser that the service uses: oslo.config's."""

import re
from collections.abc import Sequence
from pathlib import Path

from oslo_config import cfg, iniparser

from onward.errors import UnreadableConfig

_REFERENCE = re.compile(r"(?<![\\$])\$(?:\{(\w+(?:\.\w+)?)\}|(\w+))")
_DEEPEST = 8
"""References that are followed one after the other; a circle ends here."""


class Settings:
    """The configuration files of one service, in the order it reads them; later ones win. Values are text.

    What an option stands at by default in the service's code is not known here: a caller says it.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        """Raises UnreadableConfig, which names the file and quotes no line of it."""
        self.files = tuple(files)
        self._values: dict[tuple[str, str], str] = {}
        self._set_in: dict[tuple[str, str], Path] = {}
        for file in self.files:
            values = _parsed(file)
            self._values.update(values)
            self._set_in.update(dict.fromkeys(values, file))

    def text(self, group: str, name: str, *, formerly: Sequence[tuple[str, str]] = ()) -> str | None:
        """The value of an option; None where no file sets it. ``formerly`` are older names, as (group, name).

        References to other options ($my_ip) are followed where a file sets them, and left as they are where none does.
        """
        for place in ((group, name), *formerly):
            if (value := self._values.get(place)) is not None:
                return self._filled(value).replace("$$", "$").replace(r"\$", "$")
        return None

    def listed(self, group: str, name: str, *, formerly: Sequence[tuple[str, str]] = ()) -> tuple[str, ...]:
        """The value of an option that is a list, separated by commas; empty where no file sets it."""
        value = self.text(group, name, formerly=formerly) or ""
        return tuple(word for word in (part.strip() for part in value.split(",")) if word)

    def groups(self) -> tuple[str, ...]:
        """Names of the groups that the files have, sorted: ``keystone_authtoken``."""
        return tuple(sorted({group for group, _ in self._values}))

    def options(self, group: str) -> tuple[str, ...]:
        """Names of the options that the files set in a group, sorted."""
        return tuple(sorted(name for each, name in self._values if each == group))

    def set_in(self, group: str, name: str) -> Path:
        """The file whose value of an option is the one in force. Raises KeyError where no file sets it."""
        return self._set_in[group, name]

    def _filled(self, value: str, depth: int = 0) -> str:
        def known(reference: re.Match[str]) -> str:
            group, _, name = (reference[1] or reference[2]).rpartition(".")
            found = self._values.get((group or "DEFAULT", name))
            return reference[0] if found is None or depth == _DEEPEST else self._filled(found, depth + 1)

        return _REFERENCE.sub(known, value)


def _parsed(file: Path) -> dict[tuple[str, str], str]:
    """The options of one file by group and name; of a repeated one the last value."""
    sections: dict[str, dict[str, list[str]]] = {}
    try:
        file.read_text(encoding="utf-8")
        cfg.ConfigParser(str(file), sections).parse()
    except (OSError, UnicodeDecodeError, iniparser.ParseError) as error:
        # The parser quotes the line it stumbled over, which may be one with a password.
        raise UnreadableConfig(
            f"The configuration cannot be used: {file}.",
            evidence=re.sub(r": '.*", "", str(error), flags=re.DOTALL),
            next_command="onward init --from-config FILE",
        ) from None
    return {
        (group, name.replace("-", "_")): values[-1].strip()
        for group, options in sections.items()
        for name, values in options.items()
    }
