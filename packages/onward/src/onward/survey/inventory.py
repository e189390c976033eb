"""Reads an inventory of Ansible from its files, and how its machines are reached."""

import getpass
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from onward.errors import InventoryUnreadable
from onward.model.inventory import Encrypted, Inventory, InventoryInvalid, loaded, read_ini, read_yaml
from onward.model.machine import KnownMachine, SshAddress

_LEFT_OUT = re.compile(
    r"^\.|^(host_vars|group_vars|vars_plugins)$|(~|\.(pyc|pyo|swp|bak|rpm|md|txt|rst|orig|ini|cfg|retry))$"
)
"""Names in a directory that Ansible does not take for an inventory: its option INVENTORY_IGNORE_EXTS."""
_YAML = (".yaml", ".yml", ".json")
_VARIABLE_FILES = ("", ".yml", ".yaml", ".json")
_ENCRYPTED = "$ANSIBLE_VAULT"
_TRUE = ("yes", "true", "on", "y", "t", "1")


def read_inventory(path: Path) -> Inventory:
    """What a file, or the files of a directory, say. Raises InventoryUnreadable."""
    inventory = Inventory()
    for file in _files(path):
        text = _text(file)
        if os.access(file, os.X_OK) and text.startswith("#!"):
            raise InventoryUnreadable(
                f"{file} is a program, and inventories are only read.",
                next_command=f"{file} --list > inventory.json, in the form that `ansible-inventory --list --yaml` has",
            )
        try:
            _read(file, text, inventory)
        except InventoryInvalid as error:
            raise InventoryUnreadable(f"{file} is no inventory of Ansible.", evidence=str(error)) from None
    directory = path if path.is_dir() else path.parent
    for name in ["all", "ungrouped", *inventory.groups]:
        inventory.group_files[name] = _variables(directory / "group_vars", name)
    for name in inventory.hosts:
        inventory.host_files[name] = _variables(directory / "host_vars", name)
    return inventory


def machines_in(inventory: Inventory) -> dict[str, KnownMachine]:
    """How its machines are reached, by name; those that are this machine (``ansible_connection: local``) are left out.

    Raises InventoryUnreadable.
    """
    found = {}
    for name in inventory.hosts:
        variables = inventory.variables_of(name)
        if variables.get("ansible_connection") == "local":
            continue
        groups = tuple(group for group in inventory.groups_of(name) if group not in ("all", "ungrouped"))
        try:
            found[name] = _machine(name, variables, groups)
        except ValueError as error:
            raise InventoryUnreadable(f"How {name} is reached cannot be told.", evidence=str(error)) from None
    return found


def _machine(name: str, variables: dict[str, Any], groups: tuple[str, ...]) -> KnownMachine:
    told = {**variables, "inventory_hostname": name, "inventory_hostname_short": name.split(".", maxsplit=1)[0]}

    def value(*names: str) -> Any:
        for each in names:
            if told.get(each) is not None:
                return _rendered(each, told)
        return None

    identity = value("ansible_ssh_private_key_file", "ansible_private_key_file")
    become_user = value("ansible_become_user") or "root"
    become = str(value("ansible_become") or "").lower() in _TRUE
    if become and become_user != "root":
        raise ValueError(f"ansible_become_user is {become_user}; commands are run as root or as who logs in")
    return KnownMachine(
        name=name,
        address=SshAddress(
            user=str(value("ansible_user", "ansible_ssh_user") or getpass.getuser()),
            host=str(value("ansible_host", "ansible_ssh_host") or name),
            port=int(value("ansible_port", "ansible_ssh_port") or 22),
        ),
        identity=str(Path(str(identity)).expanduser()) if identity else None,
        sudo=become,
        groups=groups,
        rack=_rack(value("rack")),
    )


def _rack(told: Any) -> str | None:
    """A rack has a name or a number; a variable of another shape is something else that has this name."""
    return str(told) if isinstance(told, str | int) and not isinstance(told, bool) and str(told) else None


def _rendered(name: str, variables: dict[str, Any]) -> Any:
    """A variable, with the variables in it; so often, that those in those are there as well."""
    found = variables[name]
    for _ in range(10):
        if isinstance(found, Encrypted):
            raise ValueError(f"{name} is kept by Ansible's vault, which is not read")
        if not isinstance(found, str) or "{{" not in found:
            return found
        found = _filled_in(found, variables)
    raise ValueError(f"{name} holds itself")


def _filled_in(template: str, variables: dict[str, Any]) -> str:
    """Raises ValueError."""
    from jinja2 import StrictUndefined, TemplateError  # noqa: PLC0415 - slow to import, and few inventories need it
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

    try:
        return SandboxedEnvironment(undefined=StrictUndefined).from_string(template).render(variables)
    except TemplateError as error:
        raise ValueError(str(error)) from None


def _files(path: Path) -> Iterator[Path]:
    if not path.exists():
        raise InventoryUnreadable(f"There is no inventory {path}.")
    if not path.is_dir():
        yield path
        return
    for each in sorted(path.iterdir()):
        if not _LEFT_OUT.search(each.name):
            yield from _files(each)


def _read(file: Path, text: str, inventory: Inventory) -> None:
    if text.startswith(_ENCRYPTED):
        raise InventoryInvalid("it is kept by Ansible's vault, which is not read")
    if file.suffix in _YAML:
        read_yaml(text, inventory)
    else:
        read_ini(text, inventory)


def _variables(directory: Path, name: str) -> dict[str, Any]:
    """What files say of a group or a machine: NAME, NAME.yml, all below NAME/. Raises InventoryUnreadable."""
    found: dict[str, Any] = {}
    for suffix in _VARIABLE_FILES:
        path = directory / f"{name}{suffix}"
        files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
        for file in files:
            if not file.is_file() or file.name.startswith(".") or file.suffix not in _VARIABLE_FILES:
                continue
            text = _text(file)
            if text.startswith(_ENCRYPTED):
                continue  # Passwords, mostly; what is needed of it is missed where it is needed.
            try:
                told = loaded(text)
            except InventoryInvalid as error:
                raise InventoryUnreadable(f"{file} cannot be read.", evidence=str(error)) from None
            if isinstance(told, dict):
                found.update(told)
    return found


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InventoryUnreadable(f"{file} cannot be read.", evidence=str(error)) from None
