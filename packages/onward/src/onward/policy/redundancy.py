"""Which overrides a service would do as well without, and what old names stand for: decided by meaning, not by text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from onward.policy.effective import EffectivePolicy
from onward.policy.equivalence import Baseline, Settings, Values
from onward.policy.language import parse, references
from onward.policy.registered import RegisteredPolicy


@dataclass(frozen=True)
class Resolved:
    """The same policy, said with less."""

    values: dict[str, object]
    """The overrides that are left, under today's names."""
    renamed: Mapping[str, tuple[str, ...]]
    """Old names and the rules that their overrides now stand under."""
    idle: tuple[str, ...]
    """Old names whose override has no effect in this release, and which are left out."""
    defaults: tuple[str, ...]
    """Rules that say what the default says, and which are left out."""
    unknown: tuple[str, ...]
    """Rules that the release does not register and to which no other rule refers; they are kept."""
    conditional: Mapping[str, bool]
    """Rules that say what the default says only as long as enforce_new_defaults has this value, which is not known."""


def resolved(registered: RegisteredPolicy, values: Values, settings: Settings) -> Resolved:
    """Say the same with less: old names become today's, and what is the default is left out.

    What is left is as wide and as narrow as before for every rule, whatever settings are possible.
    """
    baseline = Baseline(registered, settings, values)
    kept, renamed, idle, defaults = dict(values), dict[str, tuple[str, ...]](), list[str](), list[str]()
    while True:
        named, today, without = _under_todays_names(baseline, kept, settings)
        smaller = _without_defaults(baseline, named)
        renamed |= today
        idle += without
        defaults += [name for name in named if name not in smaller]
        if smaller == kept:
            break
        # Whoever referred to an old name may be left out now.
        kept = smaller
    referred = set(_referred(registered, settings.merged(kept)))
    unknown = tuple(name for name in kept if name not in registered.rules and name not in referred)
    conditional = {} if settings.enforce_new_defaults is not None else _conditional(registered, kept, settings)
    unknown = tuple(name for name in unknown if name != settings.default_rule)
    return Resolved(kept, renamed, tuple(idle), tuple(defaults), unknown, conditional)


def successors(policy: EffectivePolicy, values: Values) -> dict[str, tuple[str, ...]]:
    """Old names in a file, and the rules for which oslo.policy takes their override, as they are not in the file."""
    found: dict[str, list[str]] = {}
    for rule in policy.rules.values():
        if rule.origin == "old-name" and rule.override is not None:
            found.setdefault(rule.override.name, []).append(rule.name)
    return {name: tuple(found[name]) for name in values if name in found}


def _conditional(registered: RegisteredPolicy, values: Values, settings: Settings) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for new_only in settings.possible:
        supposed = replace(settings, enforce_new_defaults=new_only)
        found |= dict.fromkeys(Baseline(registered, supposed, values).defaults(values), new_only)
    return found


def _under_todays_names(
    baseline: Baseline, values: Values, settings: Settings
) -> tuple[dict[str, object], dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Each override of an old name as overrides of the rules that it holds for, in its place.

    An old name that is still a rule, or that another check refers to, stays, and oslo.policy carries its override on.
    """
    registered = baseline.registered
    carried = successors(settings.policy(registered, values), values)
    old_names = {rule.replaced.name for rule in registered.rules.values() if rule.replaced} - set(registered.rules)
    named: dict[str, object] = dict(values)
    renamed: dict[str, tuple[str, ...]] = {}
    idle = []
    for old in [name for name in values if name in old_names and name != settings.default_rule]:
        today = carried.get(old, ())
        trial = _in_place(named, old, today)
        if old in set(_referred(registered, settings.merged(trial))) or baseline.changed(trial):
            continue
        named = trial
        if today:
            renamed[old] = today
        else:
            idle.append(old)
    return named, renamed, tuple(idle)


def _in_place(values: Values, old: str, names: tuple[str, ...]) -> dict[str, object]:
    """The same overrides with these names instead of an old one."""
    found: dict[str, object] = {}
    for name, value in values.items():
        if name == old:
            found |= dict.fromkeys(names, value)
        else:
            found[name] = value
    return found


def _without_defaults(baseline: Baseline, values: dict[str, object]) -> dict[str, object]:
    """Leave out what means the same as the default, until nothing is left that does: one may depend on another."""
    kept = values
    while (smaller := _without_candidates(baseline, kept)) != kept:
        kept = smaller
    return kept


def _without_candidates(baseline: Baseline, values: dict[str, object]) -> dict[str, object]:
    """Leave out what means the same as the default now: all at once where that holds, else one after the other."""
    candidates = baseline.defaults(values)
    kept = {name: value for name, value in values.items() if name not in candidates}
    if not baseline.changed(kept):
        return kept
    kept = dict(values)
    for name in candidates:
        without = {each: value for each, value in kept.items() if each != name}
        if not baseline.changed(without):
            kept = without
    return kept


def _referred(registered: RegisteredPolicy, values: Values) -> Iterable[str]:
    """Names that any check of the file, or any default, refers to."""
    for value in values.values():
        yield from references(parse(value))
    for rule in registered.rules.values():
        yield from references(parse(rule.check))
        if rule.replaced:
            yield from references(parse(rule.replaced.check))
