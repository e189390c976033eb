"""The page that ``onward --help`` shows: every command in a line or two, in the order in which they are needed."""

import ast
import shutil
import textwrap
from collections.abc import Iterable
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

WIDEST = 100
_NAMES = 18
"""Columns for the names of commands."""


def overview(commands: Iterable[EntryPoint]) -> str:
    """The commands with what each does, as wide as the terminal."""
    width = min(shutil.get_terminal_size().columns, WIDEST)
    lines = ["Commands (onward COMMAND --help says more):"]
    for command in commands:
        text = f"  {command.name:<{_NAMES - 2}}{summary(command)}"
        lines += textwrap.wrap(text, max(width, 40), subsequent_indent=" " * _NAMES)
    return "\n".join(lines)


def summary(command: EntryPoint) -> str:
    """The first line of what a command says of itself; "" where it says nothing.

    It is read from the source: importing all commands takes a second, importing none of them nothing.
    """
    spec = find_spec(command.module)
    if spec is None or spec.origin is None:
        return ""
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == command.attr:
            return (ast.get_docstring(node) or "").partition("\n")[0].replace("``", "`")
    return ""
