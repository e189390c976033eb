"""Where baselines are kept: a file for each below the state directory."""

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from onward.errors import BaselineUnknown
from onward.hosts.private_file import write_private
from onward.timings.run import Baseline

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True)
class BaselineStore:
    """All baselines of a state directory."""

    directory: Path

    def names(self) -> list[str]:
        """What can be read."""
        return sorted(path.stem for path in self.directory.glob("*.json")) if self.directory.is_dir() else []

    def find(self, name: str) -> Baseline | None:
        """The baseline of this name, where there is one. Raises BaselineUnknown for one that cannot be read."""
        path = self._path(name)
        if not path.is_file():
            return None
        try:
            return Baseline.model_validate_json(path.read_text(encoding="utf-8"))
        except (ValidationError, OSError, UnicodeDecodeError) as error:
            raise BaselineUnknown(
                f"The baseline {name} cannot be read.",
                evidence=f"{path}: {str(error).splitlines()[0]}",
                next_command=f"rm {path}",
            ) from None

    def read(self, name: str) -> Baseline:
        """The baseline of this name. Raises BaselineUnknown."""
        found = self.find(name)
        if found is None:
            raise BaselineUnknown(
                f"There is no baseline called {name}.",
                evidence=f"there are: {', '.join(self.names()) or 'none'}",
                next_command=f"onward timings save {name}",
            )
        return found

    def keep(self, baseline: Baseline) -> None:
        """Write a baseline. Raises BaselineUnknown for a name that no baseline can have."""
        write_private(self._path(baseline.name), baseline.model_dump_json(indent=1))

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise BaselineUnknown(
                f"No baseline can be called {name!r}.", evidence="letters, digits, dots, dashes and underscores"
            )
        return self.directory / f"{name}.json"
