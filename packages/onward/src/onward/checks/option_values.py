"""Whether an option takes a value, by the types of oslo.config, which are the release's own. Pure."""

import re
from functools import cache
from typing import Any

from oslo_config import types

from onward.model.options import ValueKind

_ENDLESS = 2**31 - 1
"""Bounds from here on are those of the machine."""


def takes(kind: ValueKind, value: str) -> bool | None:
    """Whether a value, as a file has it, can be read as this kind; None where that cannot be told here.

    It cannot for a value with a reference to another option (``$my_ip``) that no file sets, and for kinds of a
    service's own.
    """
    read = _type(kind)
    if read is None or "$" in value:
        return None
    try:
        read(value)
    except (ValueError, TypeError):
        return False
    return True


def expected(kind: ValueKind) -> str:
    """What values an option takes, for people: ``a whole number from 1 to 10``."""
    if kind.choices is not None:
        return f"one of: {', '.join(str(choice) or '(empty)' for choice in kind.choices)}"
    if kind.name == "List" and kind.item is not None:
        return f"a list, separated by commas, each {expected(kind.item)}"
    if kind.name in ("Integer", "Float", "Port"):
        low = f" from {kind.min:.12g}" if kind.min is not None else ""
        high = f" to {kind.max:.12g}" if kind.max is not None and kind.max < _ENDLESS else ""
        return {"Integer": "a whole number", "Float": "a number", "Port": "a port number"}[kind.name] + low + high
    if kind.name == "Boolean":
        return "true or false"
    if kind.regex is not None:
        return f"text like {kind.regex}"
    return f"text of at most {kind.max_length} characters" if kind.max_length else "text"


@cache
def _type(kind: ValueKind) -> Any:
    """The type of oslo.config that reads such values; None where it is not told in full."""
    choices = None if kind.choices is None else list(kind.choices)
    if kind.name in ("String", "MultiString"):
        pattern = re.compile(kind.regex, kind.flags) if kind.regex is not None else None
        return types.String(choices, kind.quotes, pattern, kind.ignore_case, kind.max_length or None)
    if kind.name == "Boolean":
        return types.Boolean()
    if kind.name == "List" and kind.item is not None:
        item = _type(kind.item)
        return None if item is None else types.List(item, kind.bounds)
    if kind.name == "Float":
        return types.Float(kind.min, kind.max)
    numbers = {"Integer": types.Integer, "Port": types.Port}
    bounds = {"choices": choices} if choices is not None else {"min": kind.min, "max": kind.max}
    return numbers[kind.name](**bounds) if kind.name in numbers else None
