"""Keeps secrets out of everything that is recorded."""

import json
from threading import Lock
from typing import Any
from urllib.parse import quote, quote_plus

SHORTEST = 4
"""Shorter values are not treated as secrets: replacing them would make nonsense of every record."""


class Redactor:
    """Replaces known secret values by ``***``. The values live in this process's memory only.

    A resumed run does not know what was registered in its earlier life: every action registers the secrets that it
    handles itself.
    """

    def __init__(self) -> None:
        self._values: tuple[str, ...] = ()
        self._lock = Lock()

    def register(self, value: str | None) -> None:
        """From now on, this value is never recorded, nor is it as part of a URL, of JSON text or of a repr()."""
        if not value or len(value) < SHORTEST:
            return
        forms = {value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], repr(value)[1:-1]}
        with self._lock:
            # The longest first, so that a value which holds another one does not leave its rest behind. A new tuple,
            # because other threads may be reading the old one.
            self._values = tuple(sorted({*self._values, *forms}, key=lambda form: (-len(form), form)))

    def clean(self, data: Any) -> Any:
        """The same JSON data without any registered value."""
        values = self._values
        return _cleaned(data, values) if values else data


def _cleaned(data: Any, values: tuple[str, ...]) -> Any:
    if isinstance(data, str):
        for value in values:
            data = data.replace(value, "***")
        return data
    if isinstance(data, dict):
        return {_cleaned(key, values): _cleaned(value, values) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_cleaned(value, values) for value in data]
    return data
