"""A policy file said anew for the same release: as tidy YAML, or as no more than what differs from the defaults."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from onward.policy import annotation
from onward.policy.document import Document, Entry, read_document
from onward.policy.edit import editable, edited, rewritten, rule_line
from onward.policy.equivalence import Baseline, Settings
from onward.policy.language import parse, written
from onward.policy.meaning import Comparison
from onward.policy.redundancy import Resolved, resolved
from onward.policy.registered import RegisteredPolicy

What = Literal["kept", "default", "renamed", "idle", "repeated", "unknown"]
"""default: says what the release says anyhow; idle: an old name without effect, or one that is not text; repeated: a
later line says the same name again; unknown: kept, but the release does not know it and no other rule refers to it."""


@dataclass(frozen=True)
class Change:
    """What became of one rule of the file."""

    rule: str
    line: int
    what: What
    details: str = ""


@dataclass(frozen=True)
class Rewriting:
    """The new text, and how it came about."""

    text: str
    changes: tuple[Change, ...]
    unproven: Mapping[str, Comparison]
    """Rules that are not certain to mean what they meant: there should be none. A text with any is not to be used."""


def convert(document: Document, registered: RegisteredPolicy, settings: Settings) -> Rewriting:
    """The same policy as YAML: defaults commented out, with what they are for; old names under today's."""
    return _rewriting(document, registered, settings, _Converted)


def prune(document: Document, registered: RegisteredPolicy, settings: Settings) -> Rewriting:
    """The same policy as YAML with nothing but what differs from the defaults."""
    return _rewriting(document, registered, settings, _Pruned)


class _Converted:
    """How each rule is written in a file that shows everything."""

    def __init__(self, registered: RegisteredPolicy, *, anew: bool) -> None:
        self._rules = registered.rules
        self._release = f"{registered.service} {registered.series}"
        self._anew = anew

    @property
    def head(self) -> list[str]:
        """The first lines of a file that is written anew."""
        return [f"# Policy of {self._release}. What is commented out is the default."]

    def kept(self, name: str, value: object) -> list[str]:
        """A rule that says something of its own."""
        line = rule_line(name, written(parse(value)))
        if name not in self._rules or not self._anew:
            return [line]
        rule = self._rules[name]
        return [*annotation.description(rule), *annotation.said("Default", rule.check), line]

    def renamed(self, old: str, name: str, value: object) -> list[str]:
        """A rule that stood under its old name."""
        return [f"# Named {old} before.", *self.kept(name, value)]

    def default(self, name: str, value: object, above: str) -> list[str]:
        """A rule that says what the default says; its description is left out where it stands above already."""
        rule = self._rules[name]
        words = annotation.description(rule)
        lines = [] if words and words[0] in above else words
        if written(parse(value)) != written(parse(rule.check)):
            lines += annotation.said("This file said the same in other words", value)
        return [*lines, annotation.default(rule)]

    def gone(self, lines: Sequence[str], why: str) -> list[str]:
        """Lines without effect."""
        return [f"# {why[:1].upper()}{why[1:]}:", *(f"#{line}".rstrip() for line in lines)]


class _Pruned(_Converted):
    """How each rule is written in a file with nothing but what differs."""

    @property
    def head(self) -> list[str]:
        return []

    def kept(self, name: str, value: object) -> list[str]:
        return [rule_line(name, written(parse(value)))]

    def renamed(self, old: str, name: str, value: object) -> list[str]:
        return self.kept(name, value)

    def default(self, name: str, value: object, above: str) -> list[str]:
        return []

    def gone(self, lines: Sequence[str], why: str) -> list[str]:
        return []


def _rewriting(
    document: Document,
    registered: RegisteredPolicy,
    settings: Settings,
    style: Callable[..., _Converted],
) -> Rewriting:
    """Raises nothing; the document must be readable."""
    found = resolved(registered, document.values, settings)
    lines = _Lines(document, found, style(registered, anew=not editable(document)))
    text = lines.text()
    again = read_document(text)
    if not again.readable:
        unproven = {"": Comparison("could-not-tell", reason="; ".join(each.what for each in again.problems))}
    else:
        unproven = Baseline(registered, settings, document.values).changed(again.values)
    return Rewriting(text, tuple(lines.changes), unproven)


class _Lines:
    """The lines of each pair of a document, and what became of its rules."""

    def __init__(self, document: Document, found: Resolved, style: _Converted) -> None:
        self.changes: list[Change] = []
        self._document = document
        self._found = found
        self._style = style
        self._kept: set[int] = set()
        by_pair: dict[int, list[Entry]] = {}
        for entry in document.entries:
            by_pair.setdefault(entry.pair, []).append(entry)
        self._blocks = {number: self._pair(number, by_pair.get(number, [])) for number in range(len(document.pairs))}

    def text(self) -> str:
        """The whole file."""
        if not editable(self._document):
            return rewritten(self._document, self._blocks, self._style.head)
        replaced = {number: block for number, block in self._blocks.items() if number not in self._kept}
        if replaced:
            # An anchor may have gone, or what it stood for: whatever hangs on one is written out.
            linked = [number for number, pair in enumerate(self._document.pairs) if pair.linked]
            replaced |= {number: self._blocks[number] for number in linked}
        # A document whose end is marked must not be empty.
        empty = not self._found.values and self._document.end < len(self._document.text)
        return edited(self._document, replaced, ["{}"] if replaced and empty else [])

    def _pair(self, number: int, entries: Sequence[Entry]) -> list[str]:
        pair = self._document.pairs[number]
        if not entries:
            if pair.merge:
                return []
            why = next((each.what for each in self._document.problems if each.line == pair.line), "has no effect")
            self.changes.append(Change(pair.name, pair.line, "repeated" if "again" in why else "idle", why))
            return self._style.gone(self._document.text[pair.begin : pair.end].split("\n"), why)
        if len(entries) == 1 and entries[0].name in self._found.values and not pair.merge:
            self._kept.add(number)
        return [line for entry in entries for line in self._entry(entry)]

    def _entry(self, entry: Entry) -> list[str]:
        name, value = entry.name, entry.value
        if name in self._found.values:
            self.changes.append(self._kept_change(entry))
            return self._style.kept(name, value)
        if name in self._found.renamed:
            return self._renamed(entry)
        if name in self._found.idle:
            why = "an old name, of which this release takes no notice"
            self.changes.append(Change(name, entry.line, "idle", why))
            return self._style.gone([rule_line(name, value)], why)
        self.changes.append(Change(name, entry.line, "default"))
        above = "\n".join(self._document.text.splitlines()[: entry.line - 1][-40:])
        return self._style.default(name, value, above)

    def _kept_change(self, entry: Entry) -> Change:
        if entry.name in self._found.unknown:
            why = "the release has no such rule, and no other refers to it"
            return Change(entry.name, entry.line, "unknown", why)
        condition = self._found.conditional.get(entry.name)
        why = (
            ""
            if condition is None
            else f"the default, but only with enforce_new_defaults {'on' if condition else 'off'}"
        )
        return Change(entry.name, entry.line, "kept", why)

    def _renamed(self, entry: Entry) -> list[str]:
        names = self._found.renamed[entry.name]
        self.changes.append(Change(entry.name, entry.line, "renamed", ", ".join(names)))
        lines: list[str] = []
        for name in names:
            lines += [""] if lines else []
            if name in self._found.values:
                lines += self._style.renamed(entry.name, name, entry.value)
            else:
                lines += self._style.default(name, entry.value, "")
        return lines
