"""What changes in a policy between two releases: one HTML file, for a review, a ticket or a mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onward.policy.difference import KINDS, End, Kind, PolicyDifference, RuleChange
from onward.policy.personas import SITUATIONS, Case
from onward.views.html import standalone
from onward.views.policy_words import KIND_WORDS, change_words, enforcement_words, place_of
from onward.views.words import counted

SIGNS = {"gained": "+", "lost": "\u2212", "allowed": "\u25cf", "denied": "\u00b7", "error": "!"}
"""What the answers of both ends look like in the table of one rule."""

MEANINGS = {
    "gained": "was denied, becomes allowed",
    "lost": "was allowed, becomes denied",
    "allowed": "allowed by both",
    "denied": "denied by both",
    "error": "one of them could not tell",
}

TONES: dict[Kind, str] = {
    "wider": "bad",
    "override lost": "bad",
    "could not tell": "attention",
    "narrower": "attention",
}


@dataclass(frozen=True)
class Shown:
    """A change as the page shows it."""

    change: RuleChange
    tags: tuple[str, ...]
    """What else changes than the heading says."""
    gains: list[str]
    losses: list[str]
    table: list[tuple[str, list[str]]]
    """Each persona with its answers by situation; empty where nothing was asked."""
    description: str
    operations: tuple[str, ...]


def render_difference(found: PolicyDifference) -> str:
    """The page. Everything that came from outside is escaped, and no script can run in it."""
    groups = [(kind, [_shown(found, each) for each in found.changes if each.kinds[0] == kind]) for kind in KINDS]
    context = {
        "title": title_of(found),
        "found": found,
        "tone": _tone(found),
        "sentences": sentences_of(found),
        "ends": [_end_words(end) for end in (found.old, found.new)],
        "groups": [(kind, KIND_WORDS[kind], TONES.get(kind, "neutral"), shown) for kind, shown in groups if shown],
        "situations": [situation.name for situation in SITUATIONS],
        "signs": SIGNS,
        "meanings": MEANINGS,
        "place_of": place_of,
    }
    return standalone("policy.html", ("report.css", "policy.css"), {}, context)


def title_of(found: PolicyDifference) -> str:
    """What is compared: ``Policy of keystone from 2023.1 to 2026.1``."""
    old, new = found.old.registered, found.new.registered
    return f"Policy of {new.service} from {old.series} to {new.series}"


def sentences_of(found: PolicyDifference) -> list[str]:
    """What has to be said of all changes together, what matters most first."""
    words: dict[Kind, str] = {
        "wider": "let in somebody who was kept out",
        "override lost": "lose your override",
        "could not tell": "could not be compared",
        "narrower": "keep out somebody who was let in",
    }
    if not found.changes:
        return ["Nothing changes."]
    said = []
    for kind, what in words.items():
        if number := len(found.of_kind(kind)):
            said.append(f"{counted(number, 'rule')} {_singular(what) if number == 1 else what}.")
    if not found.of_kind("wider"):
        said.insert(0, "No rule lets in anybody who was kept out.")
    if found.new.real.enforce_scope and not found.old.real.enforce_scope:
        said.append("Scope becomes enforced: a token for another scope than a rule's is denied.")
    if found.new.real.enforce_new_defaults and not found.old.real.enforce_new_defaults:
        said.append("The old defaults, which counted beside the new ones, no longer count.")
    return said


def _singular(what: str) -> str:
    first, rest = what.split(" ", 1)
    return {"let": "lets", "lose": "loses", "could": "could", "keep": "keeps"}[first] + " " + rest


def _tone(found: PolicyDifference) -> str:
    return next((TONES[kind] for kind in TONES if found.of_kind(kind)), "good")


def _end_words(end: End) -> dict[str, Any]:
    registered = end.registered
    return {
        "name": f"{registered.service} {registered.version} ({registered.series})",
        "oslo_policy": registered.oslo_policy,
        "enforces": enforcement_words(end.real),
        "files": end.real.files,
        "rules": len(registered.rules),
    }


def _shown(found: PolicyDifference, change: RuleChange) -> Shown:
    cases = found.new.real.cases
    end = found.new if change.new is not None else found.old
    rule = end.registered.rules[change.name]
    return Shown(
        change,
        tuple(change_words(change)[1:]),
        found.gained(change),
        found.lost(change),
        _table(found, change, cases),
        rule.description,
        tuple(f"{method} {path}" for method, path in rule.operations),
    )


def _table(found: PolicyDifference, change: RuleChange, cases: Sequence[Case]) -> list[tuple[str, list[str]]]:
    """The answers of both ends in every case, by persona."""
    if change.old is None or change.new is None or not (change.gains or change.losses or change.errors):
        return []
    now = found.new.real.rules[change.new.name].verdicts
    rows: dict[str, list[str]] = {}
    for number, case in enumerate(cases):
        if number in change.gains:
            answer = "gained"
        elif number in change.losses:
            answer = "lost"
        elif number in change.errors or now[number] == "e":
            answer = "error"
        else:
            answer = "allowed" if now[number] == "a" else "denied"
        rows.setdefault(case.persona, []).append(answer)
    return list(rows.items())
