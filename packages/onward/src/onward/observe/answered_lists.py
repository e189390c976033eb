"""Reads the JSON of an answer while it arrives, and keeps no more of its list than is wanted.

Some lists of an identity service have no limit, however large the cloud is; memory must not grow with them.
"""

import codecs
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

_DECODER = json.JSONDecoder()
_BETWEEN = " \t\r\n,:"
_AFTER = tuple(_BETWEEN + "]}")


def read_object(chunks: Iterable[bytes], most: int) -> dict[str, Any]:
    """A JSON object, of whose members that are lists only the first ``most`` elements are kept.

    Where there were more, ``truncated`` is true, as it is where the service itself has cut its list off. Raises
    ValueError for anything that is no whole JSON object.
    """
    text = _Arriving(chunks)
    if text.skip() != "{":
        raise ValueError("no JSON object")
    text.take()
    found: dict[str, Any] = {}
    cut = False
    while text.skip() != "}":
        name = text.value()
        if text.skip() == "[":
            found[name], whole = _beginning(text.elements(), most)
            cut = cut or not whole
        else:
            found[name] = text.value()
    return found | {"truncated": True} if cut else found


def _beginning(elements: Iterator[Any], most: int) -> tuple[list[Any], bool]:
    """The first elements, and whether these were all. The others are gone through."""
    kept: list[Any] = []
    whole = True
    for element in elements:
        if len(kept) < most:
            kept.append(element)
        else:
            whole = False
    return kept, whole


class _Arriving:
    """Text of which no more is held than what has not been looked at yet."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(codecs.iterdecode(iter(chunks), "utf-8"))
        self._text = ""
        self._at = 0

    def skip(self) -> str:
        """Go on to the next character that means something, and return it."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in _BETWEEN:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            self._more()

    def take(self) -> None:
        """Go past the character that was just looked at."""
        self._at += 1

    def value(self) -> Any:
        """The next value, whole."""
        self.skip()
        while True:
            with suppress(ValueError):
                found, end = _DECODER.raw_decode(self._text, self._at)
                # A number that has arrived in part is a number too: what follows it must be seen.
                if self._text[end : end + 1] in _AFTER:
                    self._at = end
                    return found
            self._more()

    def elements(self) -> Iterator[Any]:
        """The elements of the list that begins here."""
        self.take()
        while self.skip() != "]":
            yield self.value()
        self.take()

    def _more(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise ValueError("the JSON stops in the middle")
        self._text = self._text[self._at :] + chunk
        self._at = 0
