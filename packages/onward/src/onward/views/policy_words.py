"""How policies and their changes are said to people."""

from onward.policy.difference import Kind, RuleAt, RuleChange
from onward.policy.effective import EffectiveRule
from onward.policy.in_force import InForce

KIND_WORDS: dict[Kind, str] = {
    "wider": "was denied, becomes allowed",
    "override lost": "your override is no longer in force",
    "could not tell": "could not tell",
    "narrower": "was allowed, becomes denied",
    "default changed under override": "the default changed under your override",
    "override redundant": "your override is now redundant",
    "removed": "removed",
    "renamed": "renamed",
    "scope changed": "scope changed",
    "default changed": "default changed",
    "new": "new",
}


def source_of(rule: EffectiveRule) -> str:
    """Where a check in force comes from: the default, or file and line."""
    old = rule.registered.replaced if rule.registered is not None else None
    if rule.override is not None:
        place = f"{rule.override.file}:{rule.override.line}"
        return place if rule.override.name == rule.name else f"{place}, as {rule.override.name}"
    if rule.origin == "default-or-old" and old is not None:
        return "default, or the old one" + ("" if old.name == rule.name else f" of {old.name}")
    return "default"


def place_of(at: RuleAt) -> str:
    """File and line of the override that is in force; empty where it is a default."""
    return f"{at.override.file}:{at.override.line}" if at.override is not None else ""


def change_words(change: RuleChange) -> list[str]:
    """What changes for a rule, one phrase each, what matters most first."""
    words = [KIND_WORDS[kind] for kind in change.kinds]
    if "renamed" in change.kinds and change.old is not None:
        words[change.kinds.index("renamed")] = f"renamed from {change.old.name}"
    if "scope changed" in change.kinds and change.old is not None and change.new is not None:
        was, now = (", ".join(at.scopes) or "any" for at in (change.old, change.new))
        words[change.kinds.index("scope changed")] = f"scope changed: {was} becomes {now}"
    return words


def enforcement_words(real: InForce) -> str:
    """How a release enforces: which defaults count, and whether scopes do."""
    defaults = "only the new defaults" if real.enforce_new_defaults else "new or old defaults"
    return f"{defaults}, scope {'enforced' if real.enforce_scope else 'not enforced'}"
