"""The language of policy checks, as oslo.policy reads it: text or legacy lists into an immutable tree, and back.

The grammar (``oslo_policy._parser``): ``not`` binds closest, then ``and``, then ``or``; words are separated by white
space; parentheses hang on to the beginning and the end of a word. What oslo.policy does not understand it denies, after
a line in its log; here that is a tree of :class:`Never` with a :class:`Complaint`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from reprlib import Repr
from typing import Literal

DEEPEST = 150
"""Checks nested deeper than this are not read: evaluating them comes near the limit of Python's own recursion."""

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 200


@dataclass(frozen=True, slots=True)
class Always:
    """``@`` or nothing at all: everybody."""


@dataclass(frozen=True, slots=True)
class Never:
    """``!``, or what could not be understood: nobody."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``rule:name``: whatever the rule of that name says."""

    name: str


@dataclass(frozen=True, slots=True)
class Role:
    """``role:name``: whoever holds the role; the name may be a template of target keys."""

    match: str


@dataclass(frozen=True, slots=True)
class Atom:
    """Any other ``kind:match``: credentials or a literal held against the target, a URL, the service's own."""

    kind: str
    match: str


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    part: "Check"


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    parts: tuple["Check", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    parts: tuple["Check", ...]


Check = Always | Never | Rule | Role | Atom | Not | And | Or


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a check, and what oslo.policy makes of it."""

    what: str
    effect: Literal["open", "denied", "refused"]
    """open: everybody is let in, which its writer hardly meant; denied: nobody is, and only a log tells; refused:
    oslo.policy fails when it loads the file, so that the service answers nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A check as oslo.policy understands it, and what is wrong with it."""

    check: Check
    complaints: tuple[Complaint, ...] = ()


class NotExpressible(ValueError):
    """A check that came from a list can be said neither as text nor as a list, such as one inside a ``not``."""


def parse(value: object) -> Check:
    """The tree of a check: text, or a list of lists as in old JSON files, or nothing. Never raises."""
    return read_check(value).check


def read_check(value: object) -> Reading:
    """The tree of a check, with complaints about what oslo.policy would deny, refuse, or open by mistake."""
    reading = _read_text(value) if isinstance(value, str) else _read_list(value)
    if _depth(reading.check) > DEEPEST:
        return Reading(Never(), (Complaint(f"is nested more than {DEEPEST} deep", "refused"),))
    return reading


# --- Text


@dataclass(frozen=True, slots=True)
class _Reduced:
    """A part that is already a tree; ``joined`` says by which word it may still be extended, "" where it is closed."""

    check: Check
    joined: Literal["", "and", "or"] = ""


_Token = str | _Reduced | None
"""A parenthesis or one of and, or, not; None stands for a quoted word, with which no check can be made."""


@lru_cache(maxsize=100_000)
def _read_text(text: str) -> Reading:
    if not text:
        return Reading(Always())
    complaints: list[Complaint] = []
    stack: list[_Token] = []
    for token in _tokens(text, complaints):
        stack.append(token)
        while _reduce(stack):
            pass
    if len(stack) == 1 and isinstance(stack[0], _Reduced):
        return Reading(stack[0].check, tuple(complaints))
    return Reading(Never(), (Complaint(f"cannot be understood: {quoted(text)}", "denied"),))


def _tokens(text: str, complaints: list[Complaint]) -> Iterable[_Token]:
    """Words of a text. Parentheses are only seen where they begin or end a word: ``%(key)s`` has some of its own."""
    for piece in re.split(r"\s+", text):
        opened = piece.lstrip("(")
        yield from "(" * (len(piece) - len(opened))
        word = opened.rstrip(")")
        lowered = word.lower()
        if lowered in ("and", "or", "not"):
            yield lowered
        elif word:
            quoted = len(opened) > 1 and opened[0] == opened[-1] and opened[0] in "\"'"
            yield None if quoted else _Reduced(_single(word, complaints))
        yield from ")" * (len(opened) - len(word))


def _reduce(stack: list[_Token]) -> bool:
    """Join what stands at the end of the stack, as early as it can be joined; False when there is nothing to join."""
    match stack[-3:]:
        case ["(", _Reduced(check), ")"]:
            stack[-3:] = [_Reduced(check)]
        case [_Reduced(Or(parts), "or"), "and", _Reduced(check, "")]:
            # ``a or b and c``: the last alternative is taken back and joined with what follows.
            *before, last = parts
            joined = And((*last.parts, check)) if isinstance(last, And) else And((last, check))
            stack[-3:] = [_Reduced(Or((*before, joined)), "or")]
        case [_Reduced(And(parts), "and"), "and", _Reduced(check, "")]:
            stack[-3:] = [_Reduced(And((*parts, check)), "and")]
        case [_Reduced(left, ""), "and", _Reduced(check, "")]:
            stack[-3:] = [_Reduced(And((left, check)), "and")]
        case [_Reduced(Or(parts), "or"), "or", _Reduced(check, "")]:
            stack[-3:] = [_Reduced(Or((*parts, check)), "or")]
        case [_Reduced(left), "or", _Reduced(check, "")]:
            stack[-3:] = [_Reduced(Or((left, check)), "or")]
        case [*_, "not", _Reduced(check, "")]:
            stack[-2:] = [_Reduced(Not(check))]
        case _:
            return False
    return True


def _single(word: object, complaints: list[Complaint]) -> Check:
    if word == "!":
        return Never()
    if word == "@":
        return Always()
    if not isinstance(word, str) or ":" not in word:
        complaints.append(Complaint(f"has no colon in {quoted(word)}, which therefore denies", "denied"))
        return Never()
    kind, match = word.split(":", 1)
    return Rule(match) if kind == "rule" else Role(match) if kind == "role" else Atom(kind, match)


# --- Lists


def _read_list(value: object) -> Reading:
    """The legacy form: alternatives, each a check or a list of checks that must all hold."""
    if not value:
        nothing = value is None or isinstance(value, bool | int | float | dict)
        complaint = Complaint(f"is {_shown(value)}, which lets everybody in", "open")
        return Reading(Always(), (complaint,) if nothing else ())
    if not isinstance(value, Iterable):
        return _refused(value)
    complaints: list[Complaint] = []
    alternatives: list[Check] = []
    for alternative in value:
        if not alternative:
            continue
        if not isinstance(alternative, Iterable):
            return _refused(alternative)
        words = [alternative] if isinstance(alternative, str) else list(alternative)
        parts = tuple(_single(word, complaints) for word in words)
        alternatives.append(parts[0] if len(parts) == 1 else And(parts))
    if not alternatives:
        return Reading(Never(), (Complaint("lists nothing but empty alternatives, which denies", "denied"),))
    return Reading(alternatives[0] if len(alternatives) == 1 else Or(tuple(alternatives)), tuple(complaints))


def _refused(value: object) -> Reading:
    return Reading(Never(), (Complaint(f"is {_shown(value)}, neither text nor a list of checks", "refused"),))


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return quoted(value)


def quoted(value: object) -> str:
    """A value as it is shown to people, cut short where it is long: an alias in YAML can stand for gigabytes."""
    try:
        return _SHORT.repr(value)
    except ValueError:
        return "a number with thousands of digits"  # Python prints none of more than 4300.


def _depth(check: Check) -> int:
    deepest, pending = 0, [(check, 1)]
    while pending:
        part, depth = pending.pop()
        deepest = max(deepest, depth)
        pending += [(child, depth + 1) for child in children(part)]
    return deepest


def children(check: Check) -> tuple[Check, ...]:
    """The parts that a check is joined from; none for a single one."""
    match check:
        case And(parts) | Or(parts):
            return parts
        case Not(part):
            return (part,)
    return ()


def singles(check: Check) -> Iterable[Check]:
    """The single checks of a tree, from left to right, each as often as it stands there."""
    pending = [check]
    while pending:
        part = pending.pop()
        if below := children(part):
            pending += reversed(below)
        else:
            yield part


def references(check: Check) -> tuple[str, ...]:
    """Names of the rules that a check refers to, each once, in the order of the text."""
    return tuple(dict.fromkeys(part.name for part in singles(check) if isinstance(part, Rule)))


# --- Printing


def text(check: Check) -> str:
    """The check as text, which reads back as the same tree. Raises NotExpressible."""
    match check:
        case Always():
            return "@"
        case Never():
            return "!"
        case And(parts):
            return " and ".join(_inside(part) for part in parts)
        case Or(parts):
            return " or ".join(_inside(part) for part in parts)
        case Not(part):
            return f"not {_inside(part)}"
    return _word(check)


def written(check: Check) -> str | list[list[str]]:
    """As text where that can be said as text, else as a list of lists. Raises NotExpressible where neither can."""
    try:
        return text(check)
    except NotExpressible:
        alternatives = check.parts if isinstance(check, Or) else (check,)
        return [[_listed(part) for part in (each.parts if isinstance(each, And) else (each,))] for each in alternatives]


def single_text(check: Rule | Role | Atom) -> str:
    """``kind:match`` of a single check, also of one that only a list can hold."""
    match check:
        case Rule(name):
            return f"rule:{name}"
        case Role(match):
            return f"role:{match}"
        case Atom(kind, match):
            return f"{kind}:{match}"


def _inside(check: Check) -> str:
    return f"({text(check)})" if isinstance(check, And | Or) else text(check)


def _word(check: Rule | Role | Atom) -> str:
    """``kind:match``, refused where it would be read as something else: with a space in it, say."""
    word = single_text(check)
    quoted = word[0] == word[-1] and word[0] in "\"'"
    if re.search(r"\s", word) or word.startswith("(") or word.endswith(")") or quoted:
        raise NotExpressible(f"{word!r} cannot be written as text")
    return word


def _listed(check: Check) -> str:
    match check:
        case Always():
            return "@"
        case Never():
            return "!"
        case Rule() | Role() | Atom():
            return single_text(check)
    raise NotExpressible(f"{type(check).__name__} cannot be written inside a list")
