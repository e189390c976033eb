"""What rules are called in later releases: kept, renamed, split into several, joined, or gone."""

from collections.abc import Sequence
from itertools import pairwise

from onward.policy.effective import EffectivePolicy
from onward.policy.registered import RegisteredPolicy


def descendants(path: Sequence[RegisteredPolicy], name: str) -> tuple[str, ...]:
    """The rules of the last release that stand for what a rule of the first one stood for; none where it is gone.

    All releases between are needed: a release drops the note of what a rule was called after a few series.
    """
    names = [name]
    for before, after in pairwise(path):
        names = [following for each in names for following in _next(before, after, each)]
    return tuple(dict.fromkeys(names))


def _next(before: RegisteredPolicy, after: RegisteredPolicy, name: str) -> list[str]:
    found = [name] if name in after.rules else []
    for rule in after.rules.values():
        if rule.replaced is None or rule.replaced.name != name or rule.name == name:
            continue
        # A rule that was there before, beside one that stays, has had its own override or default all along.
        if rule.name not in before.rules or name not in after.rules:
            found.append(rule.name)
    return found


def overridden(policy: EffectivePolicy) -> dict[str, str]:
    """Registered rules whose check comes from a file, and the name that it stands under there."""
    return {
        rule.name: rule.override.name
        for rule in policy.rules.values()
        if rule.registered is not None and rule.override is not None
    }
