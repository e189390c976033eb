"""What changes in a policy between two releases, rule by rule: for the operator's overrides, and for whoever asks.

Both ends are given as the releases themselves enforce them. Who gains and who loses is read off their own answers;
whether two checks mean the same is decided for all possible credentials, not only for the personas that were tried.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from onward.policy.effective import EffectivePolicy, EffectiveRule, Override, effective
from onward.policy.evaluation import EvaluationFailed, allows
from onward.policy.implied import spelled_out, with_implied
from onward.policy.in_force import InForce
from onward.policy.language import NotExpressible, text
from onward.policy.meaning import Comparer, Comparison, compare
from onward.policy.personas import in_words
from onward.policy.registered import RegisteredPolicy, RegisteredRule
from onward.policy.witness import Witness

Kind = Literal[
    "wider",
    "override lost",
    "narrower",
    "override redundant",
    "default changed under override",
    "renamed",
    "removed",
    "scope changed",
    "default changed",
    "new",
    "could not tell",
]
KINDS: tuple[Kind, ...] = (
    "wider",
    "override lost",
    "could not tell",
    "narrower",
    "default changed under override",
    "override redundant",
    "removed",
    "renamed",
    "scope changed",
    "default changed",
    "new",
)
"""What can be said of a rule, what matters most first."""


@dataclass(frozen=True)
class End:
    """A policy at one end: what the release registers, what the operator's files say, and what it makes of both."""

    registered: RegisteredPolicy
    overrides: tuple[Override, ...]
    """Of the files that the release reads, in its order."""
    real: InForce

    @cached_property
    def policy(self) -> EffectivePolicy:
        """What is in force."""
        return self._with(self.overrides)

    @cached_property
    def defaults(self) -> EffectivePolicy:
        """What would be in force without any override."""
        return self._with(())

    def without(self, name: str) -> EffectivePolicy:
        """What would be in force without the override of one rule."""
        return self._with(tuple(each for each in self.overrides if each.name != name))

    def redundant(self, name: str) -> bool:
        """Whether the policy would be the same without the override of this name."""
        return compare(self.policy, self.without(name), name).same

    def lets_in(self, name: str, who: Witness) -> bool:
        """Whether the rule and its scopes let somebody in. Raises EvaluationFailed."""
        registered = self.registered.rules.get(name)
        scopes = registered.scopes if registered is not None else ()
        if scopes and self.real.enforce_scope and _scope(who.credentials) not in scopes:
            return False
        return allows(self.policy.checks, name, who.credentials, who.target, who.supposing)

    def _with(self, overrides: tuple[Override, ...]) -> EffectivePolicy:
        return effective(self.registered, overrides, enforce_new_defaults=self.real.enforce_new_defaults)


@dataclass(frozen=True)
class RuleAt:
    """A rule at one end."""

    name: str
    check: str
    """In force."""
    default: str
    origin: str
    """default, default-or-old, override or old-name, as in ``onward.policy.effective``."""
    override: Override | None
    scopes: tuple[str, ...]


@dataclass(frozen=True)
class RuleChange:
    """What changes for one rule. At least one kind."""

    name: str
    kinds: tuple[Kind, ...]
    old: RuleAt | None
    """None for a new rule."""
    new: RuleAt | None
    """None for one that is gone."""
    gains: tuple[int, ...] = ()
    """Numbers of the cases that were denied and become allowed."""
    losses: tuple[int, ...] = ()
    errors: tuple[int, ...] = ()
    """Numbers of the cases in which one of the ends failed instead of answering, and not both."""
    gain: Witness | None = None
    """Somebody who was denied and becomes allowed, where none of the cases shows one."""
    loss: Witness | None = None
    meaning: Comparison | None = None
    """Of the checks in force at both ends; None where the rule is only at one."""
    error: str = ""
    """What the failing end said."""

    @property
    def wider(self) -> bool:
        """Somebody may do what was denied to him."""
        return "wider" in self.kinds


@dataclass(frozen=True)
class PolicyDifference:
    """All changes from one end to the other, those that matter most first."""

    old: End
    new: End
    changes: tuple[RuleChange, ...]

    def of_kind(self, kind: Kind) -> tuple[RuleChange, ...]:
        """The changes of which this can be said."""
        return tuple(change for change in self.changes if kind in change.kinds)

    def gained(self, change: RuleChange) -> list[str]:
        """Who becomes allowed, in words; an example where no persona is."""
        return self._words(change.gains, change.gain)

    def lost(self, change: RuleChange) -> list[str]:
        """Who becomes denied, in words; an example where no persona is."""
        return self._words(change.losses, change.loss)

    def _words(self, numbers: tuple[int, ...], example: Witness | None) -> list[str]:
        shown = [] if example is None else [f"for example: {example}"]
        return in_words(self.new.real.cases, numbers) + shown


def difference(old: End, new: End) -> PolicyDifference:
    """Compare two ends. Both must have been asked the same cases."""
    if old.real.cases != new.real.cases:
        raise ValueError("the two releases were asked different questions")
    changes = sorted(_changes(old, new), key=lambda change: (KINDS.index(change.kinds[0]), change.name))
    return PolicyDifference(old, new, tuple(changes))


def predecessors(old: RegisteredPolicy, new: RegisteredPolicy) -> dict[str, str]:
    """The former name of each rule of the new release that the old one had under another name.

    Several rules may come from one.
    """
    return {
        rule.name: rule.replaced.name
        for rule in new.rules.values()
        if rule.name not in old.rules and rule.replaced is not None and rule.replaced.name in old.rules
    }


def _changes(old: End, new: End) -> Iterator[RuleChange]:
    former = predecessors(old.registered, new.registered)
    comparing = _Comparing(old, new)
    for name in new.registered.rules:
        before = former.get(name, name)
        if before not in old.registered.rules:
            yield RuleChange(name, ("new",), None, rule_at(new, name))
        elif change := comparing.change(before, name):
            yield change
    gone = [name for name in old.registered.rules if name not in new.registered.rules]
    for name in gone:
        if name not in former.values():
            at = rule_at(old, name)
            kinds: tuple[Kind, ...] = ("override lost", "removed") if at.override else ("removed",)
            yield RuleChange(name, kinds, at, None)


class _Comparing:
    """Compares rules that both ends have."""

    def __init__(self, old: End, new: End) -> None:
        self._old, self._new = old, new
        self._in_force = Comparer(spelled_out(old.policy.checks), spelled_out(new.policy.checks))
        self._defaults = Comparer(old.defaults, new.defaults)

    def change(self, before: str, name: str) -> RuleChange | None:
        """What changes for a rule, which may have had another name; None: nothing."""
        old, new = self._old, self._new
        was, now = rule_at(old, before), rule_at(new, name)
        gains, losses, errors = _cases(old.real, new.real, before, name)
        meaning = self._in_force.compare(before, name)
        gain = self._shown(before, name, meaning.gains, gain=True)
        loss = self._shown(before, name, meaning.losses, gain=False)
        kinds = {
            "wider": bool(gains or gain),
            "narrower": bool(losses or loss),
            "could not tell": bool(errors) or meaning.verdict == "could-not-tell",
            "override lost": was.override is not None and now.override is None,
            "renamed": before != name,
            "scope changed": set(was.scopes) != set(now.scopes),
            **self._of_defaults(was, now),
        }
        said = tuple(kind for kind in KINDS if kinds.get(kind))
        if not said:
            return None
        failed = new.real.rules[name].error or old.real.rules[before].error if errors else meaning.reason
        example = (None if gains else gain), (None if losses else loss)
        return RuleChange(name, said, was, now, gains, losses, errors, *example, meaning, failed)

    def _shown(self, before: str, name: str, found: Witness | None, *, gain: bool) -> Witness | None:
        """Somebody for whom the answer changes, scopes included: the one that was found, with any token he may have."""
        if found is None:
            return None
        held = {**found.credentials, "roles": with_implied(found.credentials.get("roles", ()))}
        found = replace(found, credentials=held)
        for who in (found, *(_with_scope(found, scope) for scope in ("project", "domain", "system"))):
            try:
                answers = self._old.lets_in(before, who), self._new.lets_in(name, who)
            except EvaluationFailed:
                continue
            if answers == (not gain, gain):
                return who
        return None

    def _of_defaults(self, was: RuleAt, now: RuleAt) -> dict[str, bool]:
        """What the change of the default means for whoever overrides it, and whoever does not."""
        changed = not self._defaults.compare(was.name, now.name).same
        redundant = False
        overridden = was.override is not None and now.override is not None
        if was.override is not None and now.override is not None:
            redundant = self._new.redundant(now.override.name) and not self._old.redundant(was.override.name)
        return {
            "default changed": changed and not overridden,
            "default changed under override": changed and overridden,
            "override redundant": redundant,
        }


def _scope(credentials: Mapping[str, Any]) -> str:
    """What a token is for (oslo_policy.policy.Enforcer.enforce)."""
    if credentials.get("system_scope") or credentials.get("system"):
        return "system"
    return "domain" if credentials.get("domain_id") else "project"


def _with_scope(who: Witness, scope: str) -> Witness:
    """The same person with a token for another scope."""
    changed = {"system_scope": "all" if scope == "system" else None, "system": None}
    changed["domain_id"] = who.credentials.get("domain_id") or "a-domain" if scope == "domain" else None
    return replace(who, credentials={**who.credentials, **changed})


def _cases(old: InForce, new: InForce, before: str, name: str) -> tuple[tuple[int, ...], ...]:
    """The numbers of the cases that are gained, that are lost, and in which one end failed."""
    gains, losses, errors = [], [], []
    pairs = zip(old.rules[before].verdicts, new.rules[name].verdicts, strict=True)
    for number, (was, now) in enumerate(pairs):
        if (was == "e") != (now == "e"):
            errors.append(number)
        elif was != "a" and now == "a":
            gains.append(number)
        elif was == "a" and now != "a":
            losses.append(number)
    return tuple(gains), tuple(losses), tuple(errors)


def rule_at(end: End, name: str) -> RuleAt:
    """A registered rule as it is in force at one end."""
    registered: RegisteredRule = end.registered.rules[name]
    rule = end.policy.rules[name]
    check = shown(rule, end.real.rules[name].check)
    return RuleAt(name, check, registered.check, rule.origin, rule.override, registered.scopes)


def shown(rule: EffectiveRule, printed: str) -> str:
    """The check in force as text: as its writer wrote it where it is his, else as short as it can be said.

    ``printed`` is how oslo.policy prints it, for what cannot be said as text at all.
    """
    if rule.override is not None and isinstance(rule.override.value, str):
        return rule.override.value or "@"
    try:
        return text(rule.check)
    except NotExpressible:
        return printed
