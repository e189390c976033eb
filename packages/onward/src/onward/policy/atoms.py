"""What single checks compare: two that are the same question to oslo.policy become the same variable.

``role:Admin`` and ``role:admin`` ask for the same role; ``'member':%(role)s`` and ``"member":%(role)s`` compare the
same text; ``'a':a`` is no question at all. Different variables are taken to be independent of one another.
"""

import ast
import re
import warnings
from dataclasses import dataclass

from onward.policy.language import Atom, Role, single_text

REMOTE_KINDS = frozenset({"http", "https"})
"""Checks that ask a server: what it answers, nobody knows."""

_PIECE = re.compile(r"%%|%\((?P<key>[^()]*)\)s|(?P<text>[^%]+)")


@dataclass(frozen=True, slots=True)
class Key:
    """``%(name)s``: the value of a key of the target."""

    name: str


Template = tuple[str | Key, ...]
"""What ``match % target`` puts together; neighbouring texts are one."""


@dataclass(frozen=True, slots=True)
class Held:
    """Whether a role is held; names of roles are compared in lower case."""

    role: Template


@dataclass(frozen=True, slots=True)
class Told:
    """Whether the credentials have this value at a path, or in the list that is there."""

    path: str
    value: Template


@dataclass(frozen=True, slots=True)
class Given:
    """Whether the target makes this value: the credentials have no say."""

    literal: str
    value: Template


@dataclass(frozen=True, slots=True)
class Opaque:
    """Something that only a server, or the service's own code, can answer, or that fails when it is asked."""

    text: str


Variable = Held | Told | Given | Opaque


def variable(check: Role | Atom, own_kinds: frozenset[str]) -> Variable | bool:
    """What a single check depends on, or its value where it depends on nothing."""
    value = template(check.match)
    if value is None or (isinstance(check, Atom) and check.kind in own_kinds | REMOTE_KINDS):
        return Opaque(single_text(check))
    if isinstance(check, Role):
        return Held(tuple(part.lower() if isinstance(part, str) else part for part in value))
    try:
        constant = literal(check.kind)
    except ValueError:
        return Told(check.kind, value)
    except Unanswerable:
        return Opaque(single_text(check))
    fixed = constant_of(value)
    return Given(constant, value) if fixed is None else constant == fixed


class Unanswerable(Exception):
    """oslo.policy fails on this check whenever it gets to it."""


def literal(kind: str) -> str:
    """What a check's kind is as a literal, as text. Raises ValueError where it is a path, else Unanswerable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(kind)
    except ValueError:
        raise
    except Exception as error:
        # SyntaxError above all: oslo.policy only catches ValueError.
        raise Unanswerable(f"{kind!r} is neither a literal nor a path: {error}") from None
    if isinstance(value, set | frozenset):
        raise Unanswerable(f"{kind!r} is a set, whose order is not certain")
    return str(value)


def template(match: str) -> Template | None:
    """The parts of a match; None where ``%`` is used for more than whole keys as text."""
    parts: list[str | Key] = []
    end = 0
    for piece in _PIECE.finditer(match):
        if piece.start() != end:
            return None
        end = piece.end()
        if (key := piece["key"]) is not None:
            parts.append(Key(key))
        elif parts and isinstance(parts[-1], str):
            parts[-1] += piece["text"] or "%"
        else:
            parts.append(piece["text"] or "%")
    return tuple(parts) if end == len(match) else None


def constant_of(value: Template) -> str | None:
    """The text of a template without keys; None for one with keys."""
    texts = [part for part in value if isinstance(part, str)]
    return "".join(texts) if len(texts) == len(value) else None
