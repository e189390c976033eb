"""Who asks for what when a policy is tried: personas, and the situations in which they ask."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from onward.policy.language import Atom, Check, Role, parse, singles
from onward.policy.registered import RegisteredPolicy

Scope = Literal["project", "domain", "system", "none"]

ROLES: dict[str, tuple[str, ...]] = {
    # As Keystone implies them since it makes the role manager (keystone/cmd/bootstrap.py).
    "admin": ("admin", "manager", "member", "reader"),
    "manager": ("manager", "member", "reader"),
    "member": ("member", "reader"),
    "reader": ("reader",),
    "service": ("service",),
    "no role": (),
}
"""Every persona, and the roles that its token lists."""

MOST_FURTHER_ROLES = 20
"""So many roles besides those are tried that a policy names itself."""

_PLACEHOLDER = re.compile(r"%\(([^)]*)\)s")
_DOMAIN = re.compile(r"domain([_.]?id)?$")
_USER = re.compile(r"(user([_.]?id)?|creator([_.]id)?|trust(or|ee)(_user_id)?)$")
_PROJECT = re.compile(r"((project|tenant)([_.]?id)?|owner|tenant)$")


@dataclass(frozen=True)
class Situation:
    """What a token is for, and whose thing is asked for."""

    name: str
    scope: Scope
    project: str
    user: str
    domain: str
    """Owners of the thing that is asked for."""


SITUATIONS = (
    Situation("own project", "project", "a-project", "a-user", "a-domain"),
    Situation("own project, another user's", "project", "a-project", "another-user", "a-domain"),
    Situation("another project", "project", "another-project", "another-user", "another-domain"),
    Situation("own domain", "domain", "another-project", "another-user", "a-domain"),
    Situation("another domain", "domain", "another-project", "another-user", "another-domain"),
    Situation("system", "system", "another-project", "another-user", "another-domain"),
    Situation("unscoped", "none", "another-project", "a-user", "a-domain"),
)


@dataclass(frozen=True)
class Case:
    """One persona in one situation."""

    persona: str
    situation: str
    credentials: dict[str, Any] = field(repr=False)
    target: dict[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """For people: ``reader in another project``."""
        return f"{self.persona}, {self.situation}"


def cases_for(checks: Iterable[Check]) -> tuple[Case, ...]:
    """All personas in all situations, with targets that have every key that these checks ask for.

    A target is an ordinary thing: neither public nor shared, but with what a check compares with the literal True.
    """
    keys: dict[str, None] = {}
    true: set[str] = set()
    roles: dict[str, tuple[str, ...]] = dict(ROLES)
    for check in checks:
        for part in singles(check):
            match part:
                case Role(name) if "%" not in name and len(roles) < len(ROLES) + MOST_FURTHER_ROLES:
                    roles.setdefault(name.lower(), (name,))
                case Atom(kind, text):
                    keys |= dict.fromkeys(_PLACEHOLDER.findall(text))
                    true |= set(_PLACEHOLDER.findall(text)) if kind == "True" else set()
    return tuple(
        Case(persona, situation.name, credentials(listed, situation), target(keys, true, situation))
        for persona, listed in roles.items()
        for situation in SITUATIONS
    )


def in_words(cases: Sequence[Case], numbers: Iterable[int]) -> list[str]:
    """Some of the cases by persona: ``member, reader: own project; another project``.

    Personas of the same situations share a line.
    """
    situations: dict[str, list[str]] = {}
    for number in numbers:
        situations.setdefault(cases[number].persona, []).append(cases[number].situation)
    personas: dict[tuple[str, ...], list[str]] = {}
    for persona, where in situations.items():
        personas.setdefault(tuple(where), []).append(persona)
    everybody = len({case.persona for case in cases})
    return [
        f"{'everybody' if len(names) == everybody else ', '.join(names)}: {_places(where)}"
        for where, names in personas.items()
    ]


def _places(where: tuple[str, ...]) -> str:
    every = [situation.name for situation in SITUATIONS]
    if list(where) == every:
        return "everywhere"
    if len(where) > len(every) // 2 + 1:
        return f"everywhere but {'; '.join(each for each in every if each not in where)}"
    return "; ".join(where)


def checks_of(registered: RegisteredPolicy) -> Iterator[Check]:
    """All checks that a release registers, and those that they replace."""
    for rule in registered.rules.values():
        yield parse(rule.check)
        if rule.replaced is not None:
            yield parse(rule.replaced.check)


def target(keys: Iterable[str], true: set[str], situation: Situation) -> dict[str, str]:
    """What is asked for: a key gets the owner that its name speaks of; one of which nothing is known is left out."""
    found = {}
    for key in keys:
        if key in true:
            found[key] = "True"
        elif _DOMAIN.search(key):
            found[key] = situation.domain
        elif _USER.search(key):
            found[key] = situation.user
        elif _PROJECT.search(key):
            found[key] = situation.project
    return found


def credentials(roles: tuple[str, ...], situation: Situation) -> dict[str, Any]:
    """What a token says, with the keys of oslo_context.context.RequestContext.to_policy_values."""
    project = "a-project" if situation.scope == "project" else None
    return {
        "user_id": "a-user",
        "user_domain_id": "a-domain",
        "system_scope": "all" if situation.scope == "system" else None,
        "domain_id": "a-domain" if situation.scope == "domain" else None,
        "project_id": project,
        "project_domain_id": "a-domain" if project else None,
        "roles": list(roles),
        "is_admin": False,
        "is_admin_project": True,
        "service_user_id": None,
        "service_user_domain_id": None,
        "service_project_id": None,
        "service_project_domain_id": None,
        "service_roles": list(roles) if roles == ROLES["service"] else [],
        # Older names of the same, which some services add.
        "user": "a-user",
        "tenant": project,
        "tenant_id": project,
        "token": _token(situation),
    }


def _token(situation: Situation) -> dict[str, Any]:
    """The token as Keystone's API shows it, which Keystone adds (keystone/common/context.py, to_policy_values)."""
    domain = {"id": "a-domain"}
    scopes: dict[Scope, dict[str, Any]] = {
        "project": {"project": {"id": "a-project", "domain": domain}},
        "domain": {"domain": domain},
        "system": {"system": {"all": True}},
        "none": {},
    }
    return {"user": {"id": "a-user", "domain": domain}, **scopes[situation.scope]}
