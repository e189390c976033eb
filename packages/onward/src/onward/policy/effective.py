"""The policy in force: a release's registered rules under the overrides of its files, as its oslo.policy joins them.

What oslo.policy does has changed; each threshold below is the first version with the change, from its git history.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from onward.policy.language import Check, Or, Rule, parse
from onward.policy.registered import RegisteredPolicy, RegisteredRule, Replaced
from onward.policy.rules import Rules

ORS_OLD_DEFAULTS = (1, 30)
"""The default that a rule replaces holds beside the new one."""
CARRIES_OLD_NAMES = (1, 43)
"""An override under the old name holds for the rule that replaces it."""
SEES_REFERENCES_TO_THE_NEW_NAME = (2, 3, 3)
"""An old name that only says ``rule:NEW`` is no override of the new one."""
ORS_TREES = (2, 4, 1)
"""Before, old and new default were joined as text, which does not parse when one of them is empty."""
LETS_NEW_DEFAULTS_ALONE = (3, 1)
"""[oslo_policy] enforce_new_defaults."""
JOINS_REMOVED_RULES_AGAIN = (3, 7)
"""From 1.43 until then, a rule that is deprecated for removal has nothing to do with the one that it replaces."""
COMPARES_CHECKS = (5, 0)
"""An old name that says what its old default said is no override. Before, no two checks were ever equal."""


@dataclass(frozen=True, slots=True)
class Override:
    """What a policy file says of one rule."""

    name: str
    value: object
    """The check as the file has it: text, or a list in old files."""
    line: int = 0
    file: str = ""


Origin = Literal["default", "default-or-old", "override", "old-name"]
"""default-or-old: the default, or else that of the rule it replaces; old-name: an override of the rule it replaces."""


@dataclass(frozen=True, slots=True)
class EffectiveRule:
    """The check that is in force for one rule, and where it comes from."""

    name: str
    check: Check
    origin: Origin
    override: Override | None = None
    registered: RegisteredRule | None = None
    """None for a rule that only the file has."""


@dataclass(frozen=True)
class EffectivePolicy:
    """Every rule that is in force: the registered ones, and what else the files define."""

    registered: RegisteredPolicy
    rules: Mapping[str, EffectiveRule]
    default_rule: str = "default"

    @cached_property
    def checks(self) -> Rules:
        """The checks alone, for comparing and evaluating."""
        own_kinds = frozenset(self.registered.custom_checks)
        return Rules({name: rule.check for name, rule in self.rules.items()}, self.default_rule, own_kinds)


def effective(
    registered: RegisteredPolicy,
    overrides: Iterable[Override] = (),
    *,
    enforce_new_defaults: bool | None = None,
    default_rule: str = "default",
) -> EffectivePolicy:
    """The policy in force under these overrides, later ones before earlier; None is the release's own default."""
    said = {override.name: override for override in overrides}
    rules = {
        name: EffectiveRule(name, parse(override.value), "override", override, registered.rules.get(name))
        for name, override in said.items()
    }
    for name in registered.rules:
        if name not in said:
            rules[name] = unless_named(registered, name, said, enforce_new_defaults=enforce_new_defaults)
    return EffectivePolicy(registered, rules, default_rule)


def unless_named(
    registered: RegisteredPolicy, name: str, said: Mapping[str, Override], *, enforce_new_defaults: bool | None = None
) -> EffectiveRule:
    """What holds for a registered rule as long as no file names it, whatever else these overrides say."""
    new_only = registered.enforce_new_defaults if enforce_new_defaults is None else enforce_new_defaults
    version = version_of(registered)
    rule = registered.rules[name]
    default, old = parse(rule.check), rule.replaced
    if old is None or (rule.removal and CARRIES_OLD_NAMES <= version < JOINS_REMOVED_RULES_AGAIN):
        return EffectiveRule(name, default, "default", None, rule)
    if old.name != name and old.name in said and version >= CARRIES_OLD_NAMES:
        carried = parse(said[old.name].value)
        refers = version >= SEES_REFERENCES_TO_THE_NEW_NAME and carried == Rule(name)
        same = version >= COMPARES_CHECKS and carried == parse(old.check)
        if not refers and not same:
            return EffectiveRule(name, carried, "old-name", said[old.name], rule)
    alone = new_only and version >= LETS_NEW_DEFAULTS_ALONE
    if alone or old.check == rule.check or version < ORS_OLD_DEFAULTS:
        return EffectiveRule(name, default, "default", None, rule)
    return EffectiveRule(name, _either(rule, old, version), "default-or-old", None, rule)


def version_of(registered: RegisteredPolicy) -> tuple[int, ...]:
    """The version of oslo.policy as numbers; where it is not known, that of a newer one than any."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", registered.oslo_policy)[:3])
    return numbers or (99,)


def _either(rule: RegisteredRule, old: Replaced, version: tuple[int, ...]) -> Check:
    if version < ORS_TREES:
        return parse(f"{rule.check} or {old.check}")
    return Or((parse(rule.check), parse(old.check)))
