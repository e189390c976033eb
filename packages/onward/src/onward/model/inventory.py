"""Inventories of Ansible, as they are: machines, their groups, and how each is reached. Pure.

The formats are those of Ansible's plugins ``ini`` and ``yaml`` (its documentation, "How to build your inventory"), the
order in which variables hold that of "Understanding variable precedence" for inventories.
"""

import ast
import re
import shlex
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

Variables = dict[str, Any]
_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_RANGE = re.compile(r"\[([^\[\]:]+):([^\[\]:]+)(?::(\d+))?\]")
_PORT = re.compile(r"(.+):(\d{1,5})")


class InventoryInvalid(ValueError):
    """What is wrong with an inventory, and where."""


@dataclass
class Group:
    """A group of machines, as one or several files have it."""

    hosts: list[str] = field(default_factory=list)
    children: list[str] = field(default_factory=list)
    variables: Variables = field(default_factory=dict)


@dataclass
class Inventory:
    """What the files of an inventory say, together."""

    groups: dict[str, Group] = field(default_factory=dict)
    hosts: dict[str, Variables] = field(default_factory=dict)
    """Variables that stand beside a machine, in the order in which machines are first named."""
    group_files: dict[str, Variables] = field(default_factory=dict)
    """Of the directory ``group_vars``."""
    host_files: dict[str, Variables] = field(default_factory=dict)
    """Of the directory ``host_vars``."""

    def group(self, name: str) -> Group:
        """The group of this name, made where there was none."""
        return self.groups.setdefault(name, Group())

    def add_host(self, group: str, pattern: str, variables: Mapping[str, Any]) -> None:
        """Put machines into a group: a name, or a range of names, and perhaps a port."""
        found = _PORT.fullmatch(pattern)
        if found and "[" not in found.group(2) and ":" not in _RANGE.sub("", found.group(1)):
            pattern, variables = found.group(1), {"ansible_port": int(found.group(2)), **variables}
        for name in expanded(pattern):
            self.hosts.setdefault(name, {}).update(variables)
            if name not in self.group(group).hosts:
                self.group(group).hosts.append(name)

    # --- What follows from it

    def groups_of(self, host: str) -> list[str]:
        """The groups a machine is in, the most general ones first: in the order in which their variables hold."""
        depths = self._depths()
        found = {"all"} | {name for name, group in self.groups.items() if host in group.hosts}
        while more := {
            name for name, group in self.groups.items() if name not in found and found & set(group.children)
        } - {"all"}:
            found |= more
        return sorted(found, key=lambda name: (depths.get(name, 1), self._priority(name), name))

    def hosts_of(self, group: str) -> list[str]:
        """The machines of a group and of all below it; of ``all`` every one. Raises KeyError."""
        if group == "all":
            return list(self.hosts)
        if group not in self.groups and group != "ungrouped":
            raise KeyError(group)
        return [name for name in self.hosts if group in self.groups_of(name)]

    def variables_of(self, host: str) -> Variables:
        """What holds for a machine, from all places."""
        groups = self.groups_of(host)
        found: Variables = {}
        for name in groups:
            found.update(self.group(name).variables)
        for name in groups:
            found.update(self.group_files.get(name, {}))
        found.update(self.hosts[host])
        found.update(self.host_files.get(host, {}))
        return found

    def _priority(self, name: str) -> int:
        return int(self.group(name).variables.get("ansible_group_priority", 1))

    def _depths(self) -> dict[str, int]:
        """How far below ``all`` a group is, by the longest way. Raises InventoryInvalid for a circle."""
        depths = dict.fromkeys(self.groups, 1)
        depths["all"] = 0
        for _ in range(len(self.groups) + 1):
            changed = False
            for name, group in self.groups.items():
                for child in group.children:
                    if depths.get(child, 1) < depths[name] + 1:
                        depths[child] = depths[name] + 1
                        changed = True
            if not changed:
                return depths
        raise InventoryInvalid("groups are within each other in a circle")


def expanded(pattern: str) -> list[str]:
    """The names that a pattern with ranges stands for: ``web[01:03].example``, ``db-[a:c]``, ``n[0:9:3]``.

    Raises InventoryInvalid.
    """
    found = _RANGE.search(pattern)
    if found is None:
        return [pattern]
    head, tail = pattern[: found.start()], pattern[found.end() :]
    return [f"{head}{middle}{rest}" for middle in _between(*found.groups()) for rest in expanded(tail)]


def _between(first: str, last: str, step: str | None) -> Iterator[str]:
    by = int(step or 1)
    if first.isdigit() and last.isdigit():
        if int(first) > int(last) or by < 1:
            raise InventoryInvalid(f"[{first}:{last}] is no range")
        if first.startswith("0") and len(first) > 1 and len(first) != len(last):
            raise InventoryInvalid(f"[{first}:{last}]: both ends need the same number of digits")
        width = len(first) if first.startswith("0") else 0
        yield from (str(number).zfill(width) for number in range(int(first), int(last) + 1, by))
        return
    letters = string.ascii_letters
    if first not in letters or last not in letters or letters.index(first) > letters.index(last):
        raise InventoryInvalid(f"[{first}:{last}] is no range")
    yield from letters[letters.index(first) : letters.index(last) + 1 : by]


def read_ini(text: str, inventory: Inventory) -> None:
    """Add what a file of the format ``ini`` says. Raises InventoryInvalid, with the line's number."""
    group, kind = "ungrouped", "hosts"
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        try:
            if line.startswith("[") and (found := _SECTION.fullmatch(line)):
                group, kind = found.group(1), found.group(2) or "hosts"
                if kind not in ("hosts", "children", "vars"):
                    raise InventoryInvalid(f"[{group}:{kind}] is not known")
                inventory.group(group)
            elif kind == "vars":
                name, equals, value = line.partition("=")
                if not equals:
                    raise InventoryInvalid(f"expected NAME=VALUE, found {line!r}")
                inventory.group(group).variables[name.strip()] = _value(value.strip())
            elif kind == "children":
                child = line.split("#")[0].strip()
                inventory.group(child)
                inventory.group(group).children.append(child)
            else:
                name, *words = shlex.split(line, comments=True)
                inventory.add_host(group, name, dict(_assignment(word) for word in words))
        except ValueError as error:
            raise InventoryInvalid(f"line {number}: {error}") from None


def _assignment(word: str) -> tuple[str, Any]:
    name, equals, value = word.partition("=")
    if not equals:
        raise InventoryInvalid(f"expected NAME=VALUE, found {word!r}")
    return name, _value(value)


def _value(text: str) -> Any:
    """A value of the format ``ini`` is a literal of Python where it can be read as one, and a text otherwise."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def read_yaml(text: str, inventory: Inventory) -> None:
    """Add what a file of the format ``yaml`` says. Raises InventoryInvalid."""
    for name, body in _mapping(loaded(text), "the file").items():
        _read_group(str(name), body, inventory)


def loaded(text: str) -> Any:
    """The data of a YAML file; values that are encrypted become :class:`Encrypted`. Raises InventoryInvalid."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a loader of safe data, with Ansible's two tags
    except yaml.YAMLError as error:
        raise InventoryInvalid(str(error)) from None


class Encrypted(str):
    """A value that Ansible's vault keeps, and that is not read."""


class _Loader(yaml.SafeLoader):
    pass


def _encrypted(loader: _Loader, node: yaml.ScalarNode) -> Encrypted:
    return Encrypted(loader.construct_scalar(node))


def _unsafe(loader: _Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


_Loader.add_constructor("!vault", _encrypted)
_Loader.add_constructor("!unsafe", _unsafe)


def _read_group(name: str, body: Any, inventory: Inventory) -> None:
    group = inventory.group(name)
    for key, value in _mapping(body, name).items():
        told = _mapping(value, f"{name}.{key}")
        if key == "hosts":
            for pattern, variables in told.items():
                inventory.add_host(name, str(pattern), _mapping(variables, f"{name}.hosts.{pattern}"))
        elif key == "vars":
            group.variables.update(told)
        elif key == "children":
            for child, below in told.items():
                _read_group(str(child), below, inventory)
                if str(child) not in group.children:
                    group.children.append(str(child))
        else:
            raise InventoryInvalid(f"{name}.{key}: a group has hosts, vars and children")


def _mapping(value: Any, place: str) -> dict[Any, Any]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {value: None}
    if not isinstance(value, dict):
        raise InventoryInvalid(f"{place}: expected names with what they have, found {value!r}")
    return value
