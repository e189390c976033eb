"""Ends of a comparison that are made up, answering as a release with such rules would."""

from collections.abc import Iterable
from dataclasses import replace

from onward.policy.difference import End, PolicyDifference, RuleChange, difference
from onward.policy.effective import Override
from onward.policy.evaluation import EvaluationFailed
from onward.policy.in_force import InForce, RuleInForce
from onward.policy.language import parse
from onward.policy.personas import Case, cases_for, checks_of
from onward.policy.registered import RegisteredPolicy, RegisteredRule, Replaced
from onward.policy.witness import Witness


def rule(
    name: str, check: str, *, scopes: tuple[str, ...] = (), old: tuple[str, str] | None = None, removal: bool = False
) -> RegisteredRule:
    replaced = Replaced(*old) if old else None
    return RegisteredRule(name, check, f"About {name}.", scopes, (("GET", f"/{name}"),), replaced, removal)


def release(
    *rules: RegisteredRule,
    series: str = "2025.1",
    oslo_policy: str = "4.5.1",
    new_only: bool = True,
    scope: bool = True,
) -> RegisteredPolicy:
    named = {each.name: each for each in rules}
    return RegisteredPolicy("nova", series, "31.0.0", named, oslo_policy, new_only, scope)


def overridden(**checks: str) -> tuple[Override, ...]:
    """Overrides on the lines of a file, ``a__b`` standing for a:b."""
    return tuple(
        Override(name.replace("__", ":"), check, line, "/etc/nova/policy.yaml")
        for line, (name, check) in enumerate(checks.items(), start=1)
    )


def ends(
    old: tuple[RegisteredPolicy, Iterable[Override]], new: tuple[RegisteredPolicy, Iterable[Override]]
) -> list[End]:
    """Both ends, asked the same."""
    checks = [check for registered, _ in (old, new) for check in checks_of(registered)]
    checks += [parse(override.value) for _, overrides in (old, new) for override in overrides]
    cases = cases_for(checks)
    return [answering(registered, tuple(overrides), cases) for registered, overrides in (old, new)]


def answering(registered: RegisteredPolicy, overrides: tuple[Override, ...], cases: tuple[Case, ...]) -> End:
    """An end whose rules answer as oslo.policy would."""
    files = tuple(dict.fromkeys(override.file for override in overrides))
    flags = (registered.enforce_new_defaults, registered.enforce_scope)
    end = End(registered, overrides, InForce({}, files, "policy.yaml", (), *flags, (), cases))
    rules = {}
    for name in end.policy.rules:
        letters = "".join(_letter(end, name, case) for case in cases)
        rules[name] = RuleInForce(name, str(end.policy.rules[name].check), False, letters, "why" * ("e" in letters))
    return replace(end, real=replace(end.real, rules=rules))


def _letter(end: End, name: str, case: Case) -> str:
    try:
        return "a" if end.lets_in(name, Witness(case.credentials, case.target)) else "d"
    except EvaluationFailed:
        return "e"


def changed(
    old: RegisteredPolicy,
    new: RegisteredPolicy,
    before: Iterable[Override] = (),
    after: Iterable[Override] | None = None,
) -> PolicyDifference:
    """The difference between two releases with the same overrides, or with others afterwards."""
    return difference(*ends((old, before), (new, before if after is None else after)))


def only(found: PolicyDifference) -> RuleChange:
    """The one change."""
    (change,) = found.changes
    return change
