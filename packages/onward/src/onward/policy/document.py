"""A policy file as data: its rules with the lines they stand on, and what is wrong with it. Text in, data out.

YAML is read with PyYAML's safe loader because oslo.policy reads it with that: another library has other ideas of what
``on``, ``!`` or a repeated key mean.
"""

import json
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import yaml

from onward.model.yaml_text import NotYaml, read_yaml
from onward.policy.effective import Override
from onward.policy.language import quoted, read_check

Effect = Literal["unreadable", "endless", "refused", "open", "denied", "ignored"]
"""unreadable: oslo.policy cannot read the file at all; endless: trying would take all memory there is; refused: it
fails on this rule, with the result of unreadable; open: everybody is let in, which its writer hardly meant; denied:
nobody is; ignored: it has no effect."""

MOST_PARTS = 100_000
"""Values that a policy file may hold, with all aliases written out; the largest policies have a few hundred rules."""

LONGEST_NUMBER = 4096
"""Bits. Python prints no number of more than 4300 digits."""

Form = Literal["block", "flow", "json"]
"""block: a rule a line, as YAML is usually written; flow: YAML within braces; json: the same, without comments."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a policy file that does not do what its writer meant."""

    line: int
    what: str
    effect: Effect
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule of a file: the last of its name, which is the one that counts."""

    name: str
    value: object
    line: int
    pair: int
    """Which of the document's pairs it comes from; several entries of one pair come out of a merge (``<<``)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A key with its value as it stands in the text: where it begins and ends, and whether anchors are involved."""

    name: str
    begin: int
    end: int
    line: int
    linked: bool = False
    """It has an anchor, an alias or a merge, so that it cannot be removed, or stand alone, as it is."""
    merge: bool = False
    tag: str | None = None


@dataclass(frozen=True)
class Document:
    """A policy file that was read."""

    text: str
    form: Form = "block"
    entries: tuple[Entry, ...] = ()
    pairs: tuple[Pair, ...] = ()
    """What stands in the text, in its order, with repeated names."""
    problems: tuple[Problem, ...] = ()
    end: int = 0
    """Where more could be added: the end of the text, or of the document within it."""
    only_json: bool = False
    """It is JSON with tabs, which oslo.policy from 5.0 on cannot read: it no longer tries JSON before YAML."""

    @property
    def readable(self) -> bool:
        """Whether oslo.policy can read the file."""
        return not any(problem.effect in ("unreadable", "endless", "refused") for problem in self.problems)

    @cached_property
    def values(self) -> dict[str, object]:
        """The check of each rule, as the file has it."""
        return {entry.name: entry.value for entry in self.entries}

    def overrides(self, file: str = "") -> tuple[Override, ...]:
        """The rules, for :func:`onward.policy.effective.effective`."""
        return tuple(Override(entry.name, entry.value, entry.line, file) for entry in self.entries)


def read_document(text: str) -> Document:
    """Read a policy file. Never raises: a file that cannot be read has a problem that says so, with its line."""
    try:
        form: Literal["json", "block"] = "json"
        parsed: object = json.loads(text)
        # Until 4.6 oslo.policy tried JSON first, which allows tabs; in YAML they are an error.
        marked = text.replace("\t", " ")
    except (ValueError, RecursionError):
        form, parsed, marked = "block", None, text
    try:
        loader = _Loader(marked)
        root = loader.get_single_node()
        read = loader.construct_document(root) if root is not None else None
    except yaml.YAMLError as error:
        return _unreadable(text, error)
    except Exception as error:
        # PyYAML lets whatever its constructors stumble over through: impossible dates, a !!bool that is none, depth.
        return Document(text, problems=(Problem(0, f"cannot be read: {error}", "unreadable"),))
    whole = parsed if form == "json" else read
    only_json = form == "json" and marked != text and not _is_yaml(text)
    if not whole:
        return Document(text, form="block", end=loader.document_end(len(text)), only_json=only_json)
    if not isinstance(whole, dict) or not isinstance(root, yaml.MappingNode):
        what = f"holds {type(whole).__name__}, not rules and their checks"
        return Document(text, problems=(Problem(1, what, "unreadable"),))
    return _of_mapping(text, form, whole, root, loader, only_json)


def _of_mapping(
    text: str, form: Form, whole: dict[Hashable, object], root: yaml.MappingNode, loader: "_Loader", only_json: bool
) -> Document:
    if _parts(whole) > MOST_PARTS:
        what = "holds far more than any policy, by aliases that stand for one another or a number without end"
        return Document(text, problems=(Problem(1, what, "endless"),))
    if form == "block" and root.flow_style:
        return _document(text, "flow", whole, loader)
    return replace(_document(text, form, whole, loader), only_json=only_json)


def _parts(value: object, known: dict[int, int] | None = None) -> int:
    """How many values there are in a value where every alias is written out; more than MOST_PARTS is not counted."""
    known = {} if known is None else known
    if isinstance(value, int):
        return 1 if value.bit_length() < LONGEST_NUMBER else MOST_PARTS + 1
    if not isinstance(value, dict | list | tuple | set):
        return 1
    if id(value) not in known:
        known[id(value)] = (
            MOST_PARTS + 1
        )  # It stands for this while it is counted: one that is within itself has no end.
        inside = [*value, *value.values()] if isinstance(value, dict) else list(value)
        known[id(value)] = min(MOST_PARTS + 1, 1 + sum(_parts(each, known) for each in inside))
    return known[id(value)]


def _is_yaml(text: str) -> bool:
    try:
        read_yaml(text)
    except NotYaml:
        return False
    return True


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader that remembers where the pairs of the outermost mapping begin and end.

    An alias is composed to the node that it stands for, whose marks are elsewhere; so those of the events are taken.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.pairs: list[Pair] = []
        self.nodes: list[tuple[yaml.Node, yaml.Node]] = []
        self._depth = 0
        self._reached = 0
        self._links = 0
        self._key: tuple[int, int, yaml.Node] | None = None
        self._end: int | None = None

    def get_event(self) -> Any:
        event: Any = super().get_event()  # type: ignore[no-untyped-call]
        if event.end_mark.index > event.start_mark.index:
            self._reached = event.end_mark.index
        if getattr(event, "anchor", None):
            self._links += 1
        if isinstance(event, yaml.DocumentEndEvent) and event.explicit and event.start_mark is not None:
            self._end = event.start_mark.index
        return event

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        links = self._links
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if self._depth == 1 and isinstance(parent, yaml.MappingNode) and node is not None:
            if index is None:
                self._key = (event.start_mark.index, links, node)
            elif self._key is not None:
                begin, links, key = self._key
                self._pair(key, node, begin, self._links > links, getattr(event, "tag", None))
        return node

    def _pair(self, key: yaml.Node, value: yaml.Node, begin: int, linked: bool, tag: str | None) -> None:
        merge = key.tag == "tag:yaml.org,2002:merge"
        line = key.start_mark.line + 1 if key.start_mark else 0
        name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
        self.pairs.append(Pair(name, begin, self._reached, line, linked or merge, merge, tag))
        self.nodes.append((key, value))

    def document_end(self, length: int) -> int:
        return length if self._end is None else self._end


def _document(text: str, form: Form, whole: dict[Hashable, object], loader: _Loader) -> Document:
    problems: list[Problem] = []
    last: dict[Hashable, int] = {}
    merges: list[int] = []
    for number, pair in enumerate(loader.pairs):
        if pair.merge:
            merges.append(number)
            continue
        key = loader.construct_object(loader.nodes[number][0], deep=True)
        if key in last:
            earlier = loader.pairs[last[key]]
            what = f"is said again on line {pair.line}, and only the last one counts"
            problems.append(Problem(earlier.line, what, "ignored", pair.name))
        last[key] = number
    entries = []
    for key, value in whole.items():
        number = last.get(key, merges[-1] if merges else 0)
        pair = loader.pairs[number]
        if not isinstance(key, str):
            what = f"has a name that is not text ({quoted(key)}): put it in quotes"
            problems.append(Problem(pair.line, what, "ignored", quoted(key)))
            continue
        entries.append(Entry(key, value, pair.line, number))
        problems += _complaints(key, value, pair)
    entries.sort(key=lambda entry: entry.pair)
    problems.sort(key=lambda problem: problem.line)
    return Document(text, form, tuple(entries), tuple(loader.pairs), tuple(problems), loader.document_end(len(text)))


def _complaints(name: str, value: object, pair: Pair) -> list[Problem]:
    hint = " (in YAML an exclamation mark without quotes is nothing)" if value is None and pair.tag == "!" else ""
    return [
        Problem(pair.line, complaint.what + hint, complaint.effect, name) for complaint in read_check(value).complaints
    ]


def _unreadable(text: str, error: yaml.YAMLError) -> Document:
    """What PyYAML said, in one line, with the place."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        what = f"has a character that YAML does not allow (U+{ord(text[error.position]):04X})"
        return Document(text, problems=(Problem(line, what, "unreadable"),))
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or " ".join(str(error).split())
    if mark is None:
        return Document(text, problems=(Problem(0, what, "unreadable"),))
    lines = text.splitlines()
    quoted = f": {lines[mark.line].strip()[:80]}" if mark.line < len(lines) else ""
    what = f"{what} (column {mark.column + 1}){quoted}"
    return Document(text, problems=(Problem(mark.line + 1, what, "unreadable"),))
