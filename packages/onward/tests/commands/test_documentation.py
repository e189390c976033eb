"""Nothing that a user can type or meet is undocumented."""

import argparse
import inspect
from pathlib import Path

import pytest

from onward.commands.main import COMMANDS, OnwardApp, entry_point
from onward.errors import OnwardError, by_code

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_says_what_it_does(name: str) -> None:
    kind = entry_point(name).load()
    assert kind.__doc__
    assert len(kind.__doc__.strip()) > 20
    parser = kind(OnwardApp(), None, cmd_name=name).get_parser(f"onward {name}")
    silent = [
        action.option_strings or action.dest
        for action in parser._actions
        if not action.help and action.help != argparse.SUPPRESS
    ]
    assert silent == []


@pytest.mark.parametrize("code", sorted(by_code()))
def test_every_error_code_has_a_page(code: str) -> None:
    kind = by_code()[code]
    page = inspect.getdoc(kind)
    assert page is not None
    assert page != inspect.getdoc(OnwardError)
    assert len(page) > 60


def test_error_codes_are_unique_and_stay_where_they_are() -> None:
    named = {code: kind.__name__ for code, kind in by_code().items()}
    assert len(set(named.values())) == len(named)
    assert {code: named[code] for code in ("OW101", "OW201", "OW304", "OW402", "OW501", "OW602")} == {
        "OW101": "UnknownSeries",
        "OW201": "InterpreterMissing",
        "OW304": "DumpTruncated",
        "OW402": "PlanEdited",
        "OW501": "RunLocked",
        "OW602": "DataLost",
    }


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme


def test_every_command_in_the_documentation_exists() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("how-to/*.md"), *(ROOT / "docs").glob("tutorial/*.md")]
    known = {tuple(name.split()) for name in COMMANDS}
    for page in pages:
        for line in page.read_text().splitlines():
            words = line.strip().strip("`").split()
            if line.startswith("    ") and "onward" in words[:2] and words[0] in ("onward",):
                assert tuple(words[1:2]) in known or tuple(words[1:3]) in known or "list" in words, f"{page}: {line}"
