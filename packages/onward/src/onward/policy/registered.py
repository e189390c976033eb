"""The policy rules that a release of a service registers in its code, as that release itself says them."""

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Replaced:
    """The rule that a registered one takes the place of (oslo_policy.policy.DeprecatedRule)."""

    name: str
    check: str
    reason: str = ""
    since: str = ""


@dataclass(frozen=True)
class RegisteredRule:
    """One rule with its default (oslo_policy.policy.RuleDefault or DocumentedRuleDefault)."""

    name: str
    check: str
    """The default, in oslo.policy's language: ``role:admin or user_id:%(user_id)s``."""
    description: str = ""
    scopes: tuple[str, ...] = ()
    """system, domain, project: what a token must be for; empty where any will do."""
    operations: tuple[tuple[str, str], ...] = ()
    """Method and path of the API calls that it protects."""
    replaced: Replaced | None = None
    """Until ``enforce_new_defaults`` holds, an override of this rule's name, or else its default OR-ed, is in force."""
    removal: bool = False
    """Deprecated for removal."""
    removal_reason: str = ""
    removal_since: str = ""


@dataclass(frozen=True)
class RegisteredPolicy:
    """All rules that one release of a service registers, by name."""

    service: str
    series: str
    version: str
    rules: dict[str, RegisteredRule]
    oslo_policy: str = ""
    """Version of oslo.policy in that release's environment."""
    enforce_new_defaults: bool = False
    """Default of [oslo_policy] enforce_new_defaults in this release: it differs between services and series."""
    enforce_scope: bool = False
    """Default of [oslo_policy] enforce_scope in this release."""
    custom_checks: tuple[str, ...] = ()
    """Kinds of checks besides role and rule that have code of their own: http, and a service's, as Neutron's field."""
    policy_file: str = "policy.yaml"
    """Default of [oslo_policy] policy_file in this release."""
    policy_directories: tuple[str, ...] = ("policy.d",)
    """Default of [oslo_policy] policy_dirs in this release."""
    reads_json_instead: bool = False
    """A policy.json is read where there is no policy.yaml and no other file is named."""

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, words: str) -> "RegisteredPolicy":
        """What :meth:`to_json` wrote."""
        data = json.loads(words)
        lists = {name: tuple(data[name]) for name in ("custom_checks", "policy_directories") if name in data}
        return cls(**{**data, **lists, "rules": {name: _rule(rule) for name, rule in data["rules"].items()}})


def _rule(data: dict[str, Any]) -> RegisteredRule:
    replaced = Replaced(**data["replaced"]) if data["replaced"] else None
    operations = tuple((method, path) for method, path in data["operations"])
    return RegisteredRule(**{**data, "replaced": replaced, "scopes": tuple(data["scopes"]), "operations": operations})
