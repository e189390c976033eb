"""A policy file said anew for the same release: as tidy YAML, or as no more than what differs from the defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from onward.policy.document import Document, Entry, read_document
from onward.policy.edit import editable, rule_line
from onward.policy.equivalence import Baseline, Settings
from onward.policy.layout import laid_out, without_effect
from onward.policy.meaning import Comparison
from onward.policy.redundancy import Resolved, resolved
from onward.policy.registered import RegisteredPolicy
from onward.policy.style import Bare, Explained

What = Literal["kept", "default", "renamed", "idle", "repeated", "unknown"]
"""default: says what the release says anyhow; idle: an old name without effect, or one that is not text; repeated: a
later line says the same name again; unknown: kept, but the release does not know it and no other rule refers to it."""

IDLE = "an old name, of which this release takes no notice"


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
    return _rewriting(document, registered, settings, Explained)


def prune(document: Document, registered: RegisteredPolicy, settings: Settings) -> Rewriting:
    """The same policy as YAML with nothing but what differs from the defaults."""
    return _rewriting(document, registered, settings, Bare)


def _rewriting(
    document: Document, registered: RegisteredPolicy, settings: Settings, style: type[Explained]
) -> Rewriting:
    """Raises nothing; the document must be readable."""
    rewriter = _Rewriter(
        resolved(registered, document.values, settings), style(registered, anew=not editable(document))
    )
    text = laid_out(document, rewriter.style, rewriter.lines_of)
    changes = [rewriter.change(entry) for entry in document.entries]
    for number, why in without_effect(document).items():
        pair = document.pairs[number]
        changes.append(Change(pair.name, pair.line, "repeated" if "again" in why else "idle", why))
    changes.sort(key=lambda change: change.line)
    again = read_document(text)
    if not again.readable:
        unproven = {"": Comparison("could-not-tell", reason="; ".join(each.what for each in again.problems))}
    else:
        unproven = Baseline(registered, settings, document.values).changed(again.values)
    return Rewriting(text, tuple(changes), unproven)


class _Rewriter:
    """What becomes of each rule."""

    def __init__(self, found: Resolved, style: Explained) -> None:
        self.style = style
        self._found = found

    def lines_of(self, entry: Entry, above: str) -> tuple[bool, list[str]]:
        """Whether the line may stay, and else its lines."""
        found, style, name, value = self._found, self.style, entry.name, entry.value
        if name in found.values:
            return True, style.kept(name, value)
        if name in found.idle:
            return False, style.gone([rule_line(name, value)], IDLE)
        lines: list[str] = []
        for today in found.renamed.get(name, ()):
            lines += [""] if lines else []
            lines += style.renamed(name, today, value) if today in found.values else style.default(today, value)
        return False, lines if name in found.renamed else style.default(name, value, above)

    def change(self, entry: Entry) -> Change:
        """What became of a rule, for people."""
        found, name, line = self._found, entry.name, entry.line
        if name in found.unknown:
            return Change(name, line, "unknown", "the release has no such rule, and no other refers to it")
        if name in found.values:
            condition = found.conditional.get(name)
            only = f"the default, but only with enforce_new_defaults {'on' if condition else 'off'}"
            return Change(name, line, "kept", "" if condition is None else only)
        if name in found.renamed:
            return Change(name, line, "renamed", ", ".join(found.renamed[name]))
        return Change(name, line, "idle", IDLE) if name in found.idle else Change(name, line, "default")
