"""Whether a service lets in the same people with two sets of overrides, for every rule that it enforces."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from onward.policy.effective import EffectivePolicy, Override, effective, unless_named
from onward.policy.meaning import Comparer, Comparison
from onward.policy.registered import RegisteredPolicy
from onward.policy.rules import Rules

Values = Mapping[str, object]
"""Overrides as a file has them: the check of each rule by name, as text or as a list."""


@dataclass(frozen=True)
class Settings:
    """[oslo_policy] of a service's configuration, as far as it changes what a policy file means."""

    enforce_new_defaults: bool | None = None
    """None: not known. What is to mean the same must then do so either way."""
    default_rule: str = "default"
    before: Values = field(default_factory=dict)
    """Overrides of the files that the service reads before the one in question."""
    after: Values = field(default_factory=dict)
    """Overrides of those that it reads afterwards, and that win."""

    @property
    def possible(self) -> tuple[bool, ...]:
        """The values that enforce_new_defaults may have."""
        return (False, True) if self.enforce_new_defaults is None else (self.enforce_new_defaults,)

    def merged(self, values: Values) -> dict[str, object]:
        """These overrides among those of the other files."""
        return {**self.before, **values, **self.after}

    def policy(self, registered: RegisteredPolicy, values: Values, *, new_only: bool | None = None) -> EffectivePolicy:
        """What is in force; where the setting is not known, ``new_only`` decides, else the release's own default."""
        chosen = self.enforce_new_defaults if new_only is None else new_only
        overrides = [Override(name, value) for name, value in self.merged(values).items()]
        return effective(registered, overrides, enforce_new_defaults=chosen, default_rule=self.default_rule)

    def policies(self, registered: RegisteredPolicy, values: Values) -> tuple[EffectivePolicy, ...]:
        """What is in force under each of the possible settings."""
        return tuple(self.policy(registered, values, new_only=new_only) for new_only in self.possible)


class Baseline:
    """A policy that others are held against: the one that a file makes before it is rewritten."""

    def __init__(self, registered: RegisteredPolicy, settings: Settings, values: Values) -> None:
        self.registered = registered
        self._settings = settings
        self._before = settings.policies(registered, values)

    def changed(self, values: Values, names: Iterable[str] | None = None) -> dict[str, Comparison]:
        """Rules that are not certain to mean with these overrides what they meant.

        Asked of are the rules that the service registers and those that the file still has: nothing else is enforced.
        """
        wanted = list(dict.fromkeys((*self.registered.rules, *values)) if names is None else names)
        found: dict[str, Comparison] = {}
        for before, after in zip(self._before, self._settings.policies(self.registered, values), strict=True):
            comparer = Comparer(before, after)
            for name in wanted:
                comparison = comparer.compare(name)
                if not comparison.same:
                    found.setdefault(name, comparison)
        return found

    def defaults(self, values: Values) -> list[str]:
        """Overridden rules of which each, with all other overrides in force, means what it would mean by default.

        Not those that another file overrides as well: there, leaving one out does not bring the default back.
        """
        settings = self._settings
        elsewhere = {**settings.before, **settings.after}
        candidates = [name for name in values if name in self.registered.rules and name not in elsewhere]
        said = {name: Override(name, value) for name, value in settings.merged(values).items()}
        for policy, new_only in zip(settings.policies(self.registered, values), settings.possible, strict=True):
            checks = dict(policy.checks.checks)
            asked = {}
            for name in candidates:
                rule = unless_named(self.registered, name, said, enforce_new_defaults=new_only)
                if rule.origin != "old-name":
                    asked[name] = f"{name} by default"
                    checks[asked[name]] = rule.check
            both = Rules(checks, policy.default_rule, policy.checks.own_kinds)
            comparer = Comparer(both, both)
            candidates = [name for name in asked if comparer.compare(name, asked[name]).same]
        return candidates
