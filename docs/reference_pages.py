"""Writes the reference pages from the code: commands and options, error codes, actions, the plan's schema."""

import argparse
import inspect
import json
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from onward.commands.main import COMMANDS, OnwardApp, entry_point
from onward.commands.openstack_check import UpgradeCheck
from onward.errors import by_code
from onward.plan.plan import Plan

TARGET = Path(__file__).parent / "reference" / "generated"


def command_pages() -> str:
    """All commands, each with its arguments and options."""
    app = OnwardApp()
    lines = ["# Commands", ""]
    commands: list[tuple[str, Any]] = [(f"onward {name}", entry_point(name).load()) for name in sorted(COMMANDS)]
    for title, kind in [*commands, ("openstack upgrade check", UpgradeCheck)]:
        parser = kind(app, None, cmd_name=title).get_parser(title)
        lines += [f"## {title}", "", inspect.getdoc(kind) or "", ""]
        usage = parser.format_usage().removeprefix("usage: ").strip()
        lines += ["```text", usage, "```", ""]
        for action in parser._actions:
            if isinstance(action, argparse._HelpAction) or action.help is argparse.SUPPRESS:
                continue
            words = ", ".join(f"`{word}`" for word in action.option_strings) or f"`{action.dest}`"
            text = (action.help or "") % {"default": action.default, "prog": parser.prog}
            lines += [words, f": {text}", ""]
    return "\n".join(lines)


def error_pages() -> str:
    """All error codes: what each means, and how to go on."""
    lines = [
        "# Error codes",
        "",
        "Every error names its code; `onward explain CODE` shows the same text on the terminal.",
        "",
    ]
    for code, kind in by_code().items():
        lines += [f"({code.lower()})=", f"## {code} {kind.__name__}", "", f"Exit status {kind.exit_status}.", ""]
        lines += [(inspect.getdoc(kind) or "").replace("``", "`"), ""]
    return "\n".join(lines)


def plan_page() -> str:
    """The JSON schema of plans."""
    schema = json.dumps(Plan.model_json_schema(), indent=2)
    return f"# The format of plans\n\n`onward plan schema` prints it.\n\n```json\n{schema}\n```\n"


def write_pages(_app: Any = None) -> None:
    """Write all generated pages below ``reference/generated``."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, text in (("commands", command_pages()), ("errors", error_pages()), ("plan-format", plan_page())):
        (TARGET / f"{name}.md").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the pages whenever the documentation is built."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
