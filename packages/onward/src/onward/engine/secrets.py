"""Keeps secrets out of everything that is recorded."""

from threading import Lock
from typing import Any

SHORTEST = 4
"""Shorter values are not treated as secrets: replacing them would make nonsense of every record."""


class Redactor:
    """Replaces known secret values by ``***``. The values live in this process's memory only."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._lock = Lock()

    def register(self, value: str | None) -> None:
        """From now on, this value is never recorded."""
        if value and len(value) >= SHORTEST:
            with self._lock:
                self._values.add(value)

    def clean(self, data: Any) -> Any:
        """The same JSON data without any registered value."""
        if not self._values:
            return data
        if isinstance(data, str):
            for value in sorted(self._values, key=len, reverse=True):
                data = data.replace(value, "***")
            return data
        if isinstance(data, dict):
            return {self.clean(key): self.clean(value) for key, value in data.items()}
        if isinstance(data, list | tuple):
            return [self.clean(value) for value in data]
        return data
