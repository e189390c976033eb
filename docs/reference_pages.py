"""Writes the reference pages from the code: commands and options, error codes, the schemas of plans and reports."""

import argparse
import dataclasses
import inspect
import json
import os
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from onward.catalog.charms import charms
from onward.commands.main import COMMANDS, OnwardApp, entry_point
from onward.commands.openstack_check import UpgradeCheck
from onward.errors import by_code
from onward.plan.plan import Plan
from onward.views.data import schema
from onward_service.options import Options

TARGET = Path(__file__).parent / "reference" / "generated"


def command_pages() -> str:
    """All commands in the order of ``onward --help``, each with its arguments and options."""
    app = OnwardApp()
    lines = ["# Commands", "", "Options of every command, before it or after it:", "", *options_of(app.parser)]
    commands: list[tuple[str, Any]] = [(f"onward {name}", entry_point(name).load()) for name in COMMANDS]
    for title, kind in [*commands, ("openstack upgrade check", UpgradeCheck)]:
        parser = kind(app, None, cmd_name=title.removeprefix("onward ")).get_parser(title)
        lines += [f"## {title}", "", (inspect.getdoc(kind) or "").replace("``", "`"), ""]
        usage = parser.format_usage().removeprefix("usage: ").strip()
        lines += ["```text", usage, "```", "", *options_of(parser)]
    lines += ["## onward help", "", "`onward help COMMAND` shows the same as `onward COMMAND --help`.", ""]
    lines += ["## onward complete", "", "Prints completions for bash: `source <(onward complete)`.", ""]
    return "\n".join(lines)


def options_of(parser: argparse.ArgumentParser) -> list[str]:
    """A parser's arguments and options as a list of definitions."""
    lines = []
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction) or action.help is argparse.SUPPRESS:
            continue
        words = ", ".join(f"`{word}`" for word in action.option_strings) or f"`{action.dest}`"
        # Whose machine the pages are made on is no matter.
        text = re.sub(r"; now: %\(default\)s", "", action.help or "").replace("%(default)s", str(action.default))
        lines += [words, f": {text}", ""]
    return lines


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


def charm_pages() -> str:
    """What can be deployed: the options of each charm, what it needs of others and what it offers."""
    lines = [
        "# Charms",
        "",
        "What a bundle can deploy. Further options are those of the service's own files.",
        "",
    ]
    for name, charm in charms().items():
        lines += [f"## {name}", "", f"{charm.summary}.", ""]
        if charm.most_units is not None:
            lines += [f"At most {charm.most_units} unit.", ""]
        if charm.rolling is not None:
            lines += [f"Goes to another release while it serves, with `--rolling`: {charm.rolling.source}", ""]
        elif charm.service is not None:
            lines += ["Goes to another release in an outage only.", ""]
        for option, told in charm.options.items():
            choices = f"; one of {', '.join(told.choices)}" if told.choices else ""
            lines += [f"`{option}`", f": {told.description} ({told.type}{choices}; default: `{told.default}`)", ""]
        ends = [
            f"- requires `{end}`, interface `{each.interface}`{', may be left out' if each.optional else ''}"
            f"{'; only an offer of another model' if each.elsewhere else ''}"
            for end, each in charm.requires.items()
        ]
        ends += [f"- provides `{end}`, interface `{each.interface}`" for end, each in charm.provides.items()]
        packages = list(dict.fromkeys(program.package for program in charm.programs))
        ends += [f"- needs the packages {', '.join(packages)}"] if packages else []
        lines += [*ends, ""]
    return "\n".join(lines)


def plan_page() -> str:
    """The JSON schema of plans."""
    schema = json.dumps(Plan.model_json_schema(), indent=2)
    return f"# The format of plans\n\n`onward plan schema` prints it.\n\n```json\n{schema}\n```\n"


def report_page() -> str:
    """The JSON schema of report.json."""
    text = json.dumps(schema(), indent=2)
    return f"# The format of reports\n\nWhat `report.json` holds.\n\n```json\n{text}\n```\n"


def service_options_page() -> str:
    """The options of onward-service."""
    lines = [
        "# Options of onward-service",
        "",
        "In `[filter:onward_health]`, as arguments of `onward_service.wsgi.wrap`, or in `ONWARD_SERVICE_OPTIONS`,",
        "separated by semicolons. Lists are separated by commas. What is not known is refused when the service starts.",
        "",
    ]
    for each in dataclasses.fields(Options):
        if "words" in each.metadata:
            lines += [f"`{each.name}`", f": {each.metadata['words']} (default: {_default(each.default)})", ""]
    return "\n".join(lines)


def _default(value: Any) -> str:
    if isinstance(value, (tuple, frozenset)):
        value = ", ".join(sorted(value))
    return "none" if value in ("", None) else f"`{value}`"


def write_pages(_app: Any = None) -> None:
    """Write all generated pages below ``reference/generated``."""
    os.environ["COLUMNS"] = "80"
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (TARGET / f"{name}.md").write_text(page(), encoding="utf-8")


PAGES = {
    "commands": command_pages,
    "errors": error_pages,
    "charms": charm_pages,
    "plan-format": plan_page,
    "report-format": report_page,
    "service-options": service_options_page,
}
"""The generated pages below ``reference/generated``, by name."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the pages whenever the documentation is built."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
