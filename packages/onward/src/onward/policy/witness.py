"""Somebody and something for whom single checks answer as wished: a case to show, and to try out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from onward.policy.atoms import Given, Held, Key, Opaque, Template, Told, Variable, constant_of


@dataclass(frozen=True)
class Witness:
    """Credentials and a target on which two policies disagree."""

    credentials: Mapping[str, Any] = field(default_factory=dict)
    target: Mapping[str, Any] = field(default_factory=dict)
    supposing: Mapping[str, bool] = field(default_factory=dict)
    """What servers and the service's own checks would have to answer."""

    def __str__(self) -> str:
        words = [f"roles {', '.join(self.credentials.get('roles', [])) or 'none'}"]
        words += [f"{path}={value}" for path, value in _flat(self.credentials) if path != "roles"]
        if self.target:
            words += ["on", *(f"{key}={value}" for key, value in sorted(self.target.items()))]
        words += [f"if {text} says {'yes' if answer else 'no'}" for text, answer in self.supposing.items()]
        return " ".join(words)


def realise(wished: Mapping[Variable, bool]) -> Witness | None:
    """A witness for whom the checks should answer as wished; None where there is none, or none that is easily found.

    It is a proposal: whoever uses it evaluates it.
    """
    values = _Values()
    roles: list[Template] = []
    later: list[Told] = []
    for variable, yes in wished.items():
        match variable:
            case Held(role):
                values.need(role)
                roles += [role] if yes else []
            case Told(path, (Key(name),)):
                values.need(variable.value, path)
                if yes:
                    values.equal(f"@{path}", name)
            case Told(path, value):
                fixed = constant_of(value)
                values.need(value, "" if fixed is not None else path)
                if yes and fixed is not None:
                    values.fix(f"@{path}", fixed)
                elif yes:
                    later.append(variable)
            case Given(literal, value):
                values.need(value)
                if yes and not values.fit(value, literal):
                    return None
    if not values.settle():
        return None
    held = [values.rendered(role) for role in roles]
    credentials: dict[str, Any] = {"roles": held}
    told = {name[1:]: value for name, value in values.of.items() if name.startswith("@")}
    told |= {each.path: values.rendered(each.value) for each in later}
    if not all(_put(credentials, path.split("."), value) for path, value in told.items()):
        return None
    target = {name: value for name, value in values.of.items() if not name.startswith("@")}
    supposing = {each.text: yes for each, yes in wished.items() if isinstance(each, Opaque)}
    return Witness(credentials, target, supposing)


class _Values:
    """Values of target keys, and of paths of the credentials (with an @ before them), some of which must be equal."""

    def __init__(self) -> None:
        self.of: dict[str, str | list[str]] = {}
        self._leader: dict[str, str] = {}
        self._fixed: dict[str, list[str]] = {}

    def need(self, value: Template, path: str = "") -> None:
        """These keys, and this path, get some value."""
        for name in [part.name for part in value if isinstance(part, Key)] + ([f"@{path}"] if path else []):
            self._leader.setdefault(name, name)

    def equal(self, one: str, other: str) -> None:
        self._leader[self._find(one)] = self._find(other)

    def fix(self, name: str, value: str) -> None:
        self._leader.setdefault(name, name)
        self._fixed.setdefault(name, []).append(value)

    def fit(self, value: Template, text: str) -> bool:
        """Fix the one key of a template so that the text comes out; False where that cannot be done."""
        keys = [part.name for part in value if isinstance(part, Key)]
        if len(keys) != 1:
            return False
        at = next(number for number, part in enumerate(value) if isinstance(part, Key))
        before = "".join(str(part) for part in value[:at])
        after = "".join(str(part) for part in value[at + 1 :])
        if len(text) < len(before) + len(after) or not (text.startswith(before) and text.endswith(after)):
            return False
        self.fix(keys[0], text[len(before) : len(text) - len(after)])
        return True

    def settle(self) -> bool:
        """Give each name its value; False where one would have to be two at once."""
        groups: dict[str, list[str]] = {}
        for name in self._leader:
            groups.setdefault(self._find(name), []).append(name)
        for number, names in enumerate(groups.values(), 1):
            fixed = list(dict.fromkeys(value for name in names for value in self._fixed.get(name, ())))
            if len(fixed) > 1 and names[0].startswith("@") and len(names) == 1:
                self.of[names[0]] = fixed
                continue
            if len(fixed) > 1:
                return False
            label = min(names).lstrip("@").split(".")[-1]
            for name in names:
                self.of[name] = fixed[0] if fixed else f"{label}-{number}"
        return True

    def rendered(self, value: Template) -> str:
        return "".join(str(self.of[part.name]) if isinstance(part, Key) else part for part in value)

    def _find(self, name: str) -> str:
        while self._leader.setdefault(name, name) != name:
            name = self._leader[name]
        return name


def _put(credentials: dict[str, Any], path: list[str], value: object) -> bool:
    """Put a value at a path; False where something else is in the way."""
    for part in path[:-1]:
        below = credentials.setdefault(part, {})
        if not isinstance(below, dict):
            return False
        credentials = below
    return path[-1] not in credentials and credentials.setdefault(path[-1], value) is value


def _flat(credentials: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found = []
    for name, value in credentials.items():
        found += _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]
    return found
