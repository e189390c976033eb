"""Overrides carried from one release to a later one: what stays, what is renamed, and what somebody must decide.

Three things are held against each other for each rule, by what they mean: the old default, the override, the new
default. Where upstream has not touched the default, the override stays; where the new default is what the override
says, it goes; where both have changed, or the same words would let in others than before, only the operator can say
what is wanted. An override that said the default and still does was none, and goes without a question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from onward.policy.effective import unless_named
from onward.policy.equivalence import Baseline, Settings, Values
from onward.policy.language import And, Check, Never, Not, NotExpressible, Or, Rule, parse, references, written
from onward.policy.lineage import descendants, overridden
from onward.policy.meaning import Comparer, Comparison
from onward.policy.registered import RegisteredPolicy
from onward.policy.rules import Rules

Answer = Literal["keep", "as-written", "take-default"]
"""keep: let in whom it let in before, with other words if need be; as-written: the same words, whomever they let in;
take-default: leave the override out."""

Reason = Literal["default-changed", "means-otherwise", "removed", "joined"]
"""Why a decision is needed: the default is not what it was; the same words let in others than before; the release has
no such rule any more; several rules with different overrides have become one."""

Outcome = Literal["kept", "rewritten", "default", "taken", "gone", "unregistered", "new", "undecided"]
"""rewritten: the same meaning in other words; default: what the later release says anyhow; taken: the default, by
decision; gone: the rule is no more, and its override is left out; unregistered: no release has it, and it stays; new:
only the later release has it, so that its override begins to count."""


@dataclass(frozen=True)
class Carried:
    """One rule of the later release that an override of the file concerns, or one that is no more."""

    rule: str
    """Its name in the later release, or its last one."""
    names: tuple[str, ...]
    """What it is called in the file; several where rules were joined."""
    override: object
    """The check in the file."""
    outcome: Outcome
    check: object = None
    """What is written; None where it is left out."""
    reasons: tuple[Reason, ...] = ()
    answers: tuple[Answer, ...] = ()
    """Those that there are; none where there is nothing to decide."""
    old_default: str = ""
    new_default: str = ""
    by_default: Comparison | None = None
    """What the new default does to those whom the override lets in now."""
    as_written: Comparison | None = None
    """What the same words do to them."""


@dataclass(frozen=True)
class Carriage:
    """All overrides of a file, carried as far as the decisions go."""

    rules: tuple[Carried, ...]
    values: dict[str, object]
    """The overrides for the later release; not to be used while anything is undecided."""
    unproven: Mapping[str, Comparison] = field(default_factory=dict)
    """Rules that were to mean the same and are not certain to."""

    @property
    def undecided(self) -> tuple[Carried, ...]:
        """What waits for a decision."""
        return tuple(each for each in self.rules if each.outcome == "undecided")

    @property
    def decidable(self) -> dict[str, tuple[Answer, ...]]:
        """Names on which a decision may be given, new ones and those of the file, and the answers that there are."""
        found: dict[str, tuple[Answer, ...]] = {}
        for each in self.rules:
            for name in (each.rule, *each.names):
                if each.answers:
                    found[name] = each.answers
        return found


def carry(
    path: Sequence[RegisteredPolicy], values: Values, settings: Settings, answers: Mapping[str, Answer]
) -> Carriage:
    """Carry the overrides of a file along a path of releases, the first and the last included.

    Where ``settings`` do not say what enforce_new_defaults is, each release's own default is assumed.
    """
    return _Carrying(path, values, settings, answers).carriage()


class _Carrying:
    def __init__(
        self, path: Sequence[RegisteredPolicy], values: Values, settings: Settings, answers: Mapping[str, Answer]
    ) -> None:
        self._old, self._new = path[0], path[-1]
        self._values, self._settings, self._answers = values, settings, answers
        policy = settings.policy(self._old, values)
        self._file_name = {rule: name for rule, name in overridden(policy).items() if name in values}
        self._sources: dict[str, list[str]] = {}
        self._gone: list[str] = []
        for rule in sorted(self._file_name, key=lambda rule: list(values).index(self._file_name[rule])):
            ends = descendants(path, rule)
            self._gone += [] if ends else [rule]
            for end in ends:
                # What the file says of a rule under its own name counts before what an older name says.
                if end == rule or end not in values:
                    self._sources.setdefault(end, []).append(rule)
        self._before = self._with_aliases(policy.checks)
        carrying = set(self._file_name.values())
        self._helpers = {
            name: value for name, value in values.items() if name not in self._old.rules and name not in carrying
        }
        self._held: set[str] = set()
        """Rules that must let in whom they let in before."""

    def carriage(self) -> Carriage:
        """Everything, in the order of the file."""
        looked = [self._look(end) for end in self._sources]
        looked += [self._look_gone(rule) for rule in self._gone] + [
            self._look_at_helper(name) for name in self._helpers
        ]
        order = list(self._values)
        looked.sort(key=lambda each: order.index(each.names[0]))
        final = {each.rule: each.check for each in looked if each.check is not None}
        if any(each.outcome == "undecided" for each in looked):
            return Carriage(tuple(looked), final)
        final, unproven = self._settled(final)
        return Carriage(tuple(self._as_settled(each, final) for each in looked), final, unproven)

    # --- One rule

    def _look(self, end: str) -> Carried:
        """What becomes of one rule, as far as the decisions go."""
        value, names = self._value(end), self._names(end)
        found = Carried(end, names, value, "kept", value, old_default=self._old.rules[self._sources[end][0]].check)
        found = replace(found, new_default=self._new.rules[end].check)
        as_written = self._comparer.compare(_as_it_was(end), _as_written(end))
        was_default = self._among_old.compare(_as_it_was(end), _by_old_default(end)).same
        if end in self._defaults and (was_default or as_written.same):
            self._held |= set() if was_default else {end}
            return replace(found, outcome="default", check=None)
        reasons: list[Reason] = []
        if not self._comparer.compare(_by_old_default(end), _by_default(end)).same:
            reasons.append("default-changed")
        if not as_written.same and not self._lost_its_references(value):
            reasons.append("means-otherwise")
        if len({parse(self._values[name]) for name in names}) > 1:
            reasons.append("joined")
        if not reasons:
            self._held.add(end)
            return found
        answers: tuple[Answer, ...] = ("keep", "take-default")
        return self._decided(
            replace(
                found,
                reasons=tuple(reasons),
                answers=answers if as_written.same else (*answers, "as-written"),
                by_default=self._comparer.compare(_as_it_was(end), _by_default(end)),
                as_written=as_written,
            )
        )

    def _look_gone(self, rule: str) -> Carried:
        """A rule that the later release does not have: what its override asked for cannot be asked for any more."""
        name, default = self._file_name[rule], self._old.rules[rule].check
        found = Carried(rule, (name,), self._values[name], "gone", reasons=("removed",), old_default=default)
        if self._among_old.compare(rule, _by_old_default(rule)).same:
            return found
        return self._decided(replace(found, answers=("take-default",)))

    def _look_at_helper(self, name: str) -> Carried:
        """A rule that the earlier release does not have: others refer to it, or nobody does."""
        value = self._values[name]
        if name not in self._new.rules:
            return Carried(name, (name,), value, "unregistered", value)
        found = Carried(name, (name,), value, "new", value, new_default=self._new.rules[name].check)
        return replace(found, outcome="default", check=None) if name in self._defaults else found

    def _decided(self, asked: Carried) -> Carried:
        """The same with the answer that was given."""
        given = [self._answers[name] for name in (asked.rule, *asked.names) if name in self._answers]
        if not given or given[0] not in asked.answers:
            return replace(asked, outcome="undecided")
        if given[0] == "take-default":
            return replace(asked, outcome="gone" if "removed" in asked.reasons else "taken", check=None)
        self._held |= {asked.rule} if given[0] == "keep" else set()
        return replace(asked, outcome="kept")

    def _names(self, end: str) -> tuple[str, ...]:
        """What the file calls a rule of the later release."""
        return tuple(dict.fromkeys(self._file_name[rule] for rule in self._sources[end]))

    def _value(self, end: str) -> object:
        """The override of a rule; of several that have become one, what all of them let in."""
        values = {parse(self._values[name]): self._values[name] for name in self._names(end)}
        first = next(iter(values.values()))
        if len(values) == 1:
            return first
        try:
            return written(And(tuple(values)))
        except NotExpressible:
            return first

    def _lost_its_references(self, value: object) -> bool:
        """Whether a check refers to a rule that is no more: there is no question of what it meant."""
        return any(self._before.find(name) and not self._after.find(name) for name in references(parse(value)))

    # --- The policies before and after

    def _with_aliases(self, rules: Rules) -> Rules:
        """The policy as it was, with names for what each rule of the later release was, and was by default."""
        checks = dict(rules.checks)
        for end, sources in self._sources.items():
            parts = tuple(Rule(rule) for rule in sources)
            checks[_as_it_was(end)] = And(parts) if len(parts) > 1 else parts[0]
            checks[_by_old_default(end)] = self._default_of(self._old, sources[0])
        checks |= {_by_old_default(rule): self._default_of(self._old, rule) for rule in self._gone}
        return replace(rules, checks=checks)

    @cached_property
    def _said(self) -> dict[str, object]:
        """The overrides as written, but for those that were decided to go."""
        found = dict(self._helpers)
        for end in self._sources:
            if "take-default" not in [self._answers.get(name) for name in (end, *self._names(end))]:
                found[end] = self._value(end)
        return found

    @cached_property
    def _after(self) -> Rules:
        rules = self._settings.policy(self._new, self._said).checks
        checks = dict(rules.checks)
        for end in self._sources:
            checks[_by_default(end)] = self._default_of(self._new, end)
            checks[_as_written(end)] = parse(self._value(end))
        return replace(rules, checks=checks)

    @cached_property
    def _comparer(self) -> Comparer:
        return Comparer(self._before, self._after)

    @cached_property
    def _among_old(self) -> Comparer:
        return Comparer(self._before, self._before)

    @cached_property
    def _defaults(self) -> set[str]:
        """Rules that may be left out, whatever enforce_new_defaults is."""
        return set(Baseline(self._new, self._settings, self._said).defaults(self._said))

    def _default_of(self, registered: RegisteredPolicy, rule: str) -> Check:
        new_only = self._settings.enforce_new_defaults
        return unless_named(registered, rule, {}, enforce_new_defaults=new_only).check

    # --- The result

    def _settled(self, final: dict[str, object]) -> tuple[dict[str, object], dict[str, Comparison]]:
        """The overrides, in other words where the same would mean something else, and what is not certain even so."""
        for _ in range(len(self._held) + 1):
            comparer = Comparer(self._before, self._settings.policy(self._new, final))
            changed = [end for end in self._held if not comparer.compare(_as_it_was(end), end).same]
            reworded = {end: self._reworded(end, comparer) for end in changed}
            if all(final.get(name) == value for name, value in reworded.items()):
                break
            final = {**final, **reworded}
        policy = self._settings.policy(self._new, final)
        comparer = Comparer(self._before, policy)
        found = {end: comparer.compare(_as_it_was(end), end) for end in sorted(self._held)}
        unproven = {name: comparison for name, comparison in found.items() if not comparison.same}
        # An old name that is left in the file must not bring its override to a rule that was to have the default.
        for name, source in overridden(policy).items():
            if name != source and source in final:
                unproven[name] = Comparison("could-not-tell", reason=f"would be overridden by {source} in the file")
        return final, unproven

    def _reworded(self, end: str, comparer: Comparer) -> object:
        """The check that a rule had, with what has changed since written out."""
        try:
            return written(self._inlined(parse(self._value(end)), comparer, ()))
        except NotExpressible:
            return self._value(end)

    def _inlined(self, check: Check, comparer: Comparer, way: tuple[str, ...]) -> Check:
        match check:
            case Rule(name) if not comparer.compare(name).same:
                if name in way:
                    raise NotExpressible(f"{name} goes round in a circle")
                before = self._before.find(name)
                return Never() if before is None else self._inlined(before, comparer, (*way, name))
            case Not(part):
                return Not(self._inlined(part, comparer, way))
            case And(parts) | Or(parts):
                return type(check)(tuple(self._inlined(part, comparer, way) for part in parts))
        return check

    def _as_settled(self, each: Carried, final: Mapping[str, object]) -> Carried:
        """The same with what is written in the end."""
        if each.rule not in final or final[each.rule] == each.check:
            return each
        return replace(each, outcome="rewritten", check=final[each.rule])


def _as_it_was(rule: str) -> str:
    return f"{rule} as it was"


def _by_old_default(rule: str) -> str:
    return f"{rule} by the old default"


def _by_default(rule: str) -> str:
    return f"{rule} by default"


def _as_written(rule: str) -> str:
    return f"{rule} as written"
