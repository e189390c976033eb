"""Whether a policy lets somebody do something: what oslo.policy's checks do when they are called."""

from collections.abc import Mapping
from typing import Any

from onward.policy.atoms import REMOTE_KINDS, Unanswerable, literal
from onward.policy.language import Always, And, Atom, Check, Never, Not, Or, Role, Rule, single_text
from onward.policy.rules import Rules

Credentials = Mapping[str, Any]
Target = Mapping[str, Any]
Supposing = Mapping[str, bool]
"""Answers to be supposed of servers and of the service's own checks, by the text of the check; no otherwise."""


class EvaluationFailed(Exception):
    """oslo.policy raises an exception here, which the service answers with a 500: nobody is let in."""


def allows(
    rules: Rules, name: str, credentials: Credentials, target: Target, supposing: Supposing | None = None
) -> bool:
    """Whether the rule of this name lets these credentials at this target. Raises EvaluationFailed."""
    check = rules.find(name)
    if check is None:
        return False
    return _Evaluation(rules, credentials, target, supposing or {}).holds(check, (name,))


class _Evaluation:
    def __init__(self, rules: Rules, credentials: Credentials, target: Target, supposing: Supposing) -> None:
        self._rules = rules
        self._credentials = credentials
        self._target = target
        self._supposing = supposing

    def holds(self, check: Check, way: tuple[str, ...]) -> bool:
        match check:
            case Always() | Never():
                return isinstance(check, Always)
            case Not(part):
                return not self.holds(part, way)
            case And(parts):
                return all(self.holds(part, way) for part in parts)
            case Or(parts):
                return any(self.holds(part, way) for part in parts)
            case Rule(name):
                return self._rule(name, way)
            case _:
                return self._single(check)

    def _rule(self, name: str, way: tuple[str, ...]) -> bool:
        if name in way:
            raise EvaluationFailed(f"goes round in a circle: {' -> '.join((*way, name))}")
        check = self._rules.find(name)
        return check is not None and self.holds(check, (*way, name))

    def _single(self, check: Role | Atom) -> bool:
        kinds = self._rules.own_kinds | REMOTE_KINDS
        if isinstance(check, Atom) and check.kind in kinds:
            return self._supposing.get(single_text(check), False)
        try:
            match = check.match % self._target
        except KeyError:
            return False
        except (TypeError, ValueError) as error:
            raise EvaluationFailed(f"{single_text(check)}: {error}") from None
        if isinstance(check, Role):
            return match.lower() in [role.lower() for role in self._credentials.get("roles", ())]
        try:
            return match == literal(check.kind)
        except ValueError:
            return _has(self._credentials, check.kind.split("."), match)
        except Unanswerable as error:
            raise EvaluationFailed(str(error)) from None


def _has(found: Any, path: list[str], match: str) -> bool:
    """Whether a path through the credentials ends at this value; of a list any element may."""
    if not path:
        return match == str(found)
    try:
        found = found[path[0]]
    except KeyError:
        return False
    except (TypeError, IndexError) as error:
        raise EvaluationFailed(f"credentials have nothing at {path[0]!r}: {error}") from None
    if isinstance(found, list):
        return any(_has(element, path[1:], match) for element in found)
    return _has(found, path[1:], match)
