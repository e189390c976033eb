"""Roles that come with others: whoever is an admin holds the roles manager, member and reader as well.

Keystone makes these implications when it is set up (keystone/cmd/bootstrap.py), and a token lists all roles. Without
them every change from ``role:admin`` to ``role:reader`` would seem to keep somebody out.
"""

from collections.abc import Iterable

from onward.policy.language import And, Check, Not, Or, Role
from onward.policy.rules import Rules

_ORDER = ("admin", "manager", "member", "reader")
"""Each implies those after it."""


def with_implied(roles: Iterable[str]) -> list[str]:
    """The roles that a token lists for somebody with these."""
    held = list(roles)
    places = [_ORDER.index(role.lower()) for role in held if role.lower() in _ORDER]
    known = {role.lower() for role in held}
    return held + [role for role in _ORDER[min(places, default=len(_ORDER)) :] if role not in known]


def spelled_out(rules: Rules) -> Rules:
    """The rules with every role check naming also the roles that imply it."""
    checks = {name: _spelled_out(check) for name, check in rules.checks.items()}
    return Rules(checks, rules.default_rule, rules.own_kinds)


def _spelled_out(check: Check) -> Check:
    match check:
        case Role(name) if name.lower() in _ORDER[1:]:
            return Or(tuple(Role(each) for each in (*_ORDER[: _ORDER.index(name.lower())], name)))
        case And(parts):
            return And(tuple(_spelled_out(part) for part in parts))
        case Or(parts):
            return Or(tuple(_spelled_out(part) for part in parts))
        case Not(part):
            return Not(_spelled_out(part))
    return check
