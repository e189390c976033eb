"""What somebody sees who types ``onward`` for the first time, or the wrong word."""

import inspect
import subprocess
import sys

import pytest
from run_records import rehearsal

from onward.commands.controller import start
from onward.commands.main import COMMANDS, entry_point
from onward.hosts.state import Directories

HEAVY = ("sqlalchemy", "dbos", "oslo_config", "requests", "onward.actions")


def test_the_first_page_names_every_command_with_its_first_sentence(onward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    called = onward("--help")
    assert called.status == 0
    assert max(map(len, called.out.splitlines())) <= 80
    words = " ".join(called.out.split())
    for name in COMMANDS:
        said = (inspect.getdoc(entry_point(name).load()) or "").splitlines()[0].replace("``", "`")
        assert f"{name} {said}" in words


def test_help_is_a_command_as_well(onward) -> None:
    assert onward("help").out == onward("--help").out
    assert "--plan-only" in onward("help", "rehearse").out


def test_the_first_page_loads_none_of_the_commands() -> None:
    program = (
        "import sys; from onward.commands.main import run\n"
        "try: run(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stderr.strip() == "[]"
    assert "runs resume" in ended.stdout


def test_no_markup_of_the_documentation_is_shown_on_the_terminal(onward) -> None:
    shown = [onward("explain").out, onward("explain", "OW106").out, onward("explain", "ow109").out]
    shown += [onward(*name.split(), "--help").out for name in COMMANDS]
    assert all(shown)
    assert [text for text in shown if "``" in text] == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("plan",), ("'plan'", "plan upgrade", "plan show")),
        (("runs", "lst"), ("'runs lst'", "runs list")),
        (("runs", "--timeline"), ("'runs'", "runs show")),
        (("rehaerse",), ("'rehaerse'", "rehearse")),
        (("--debug",), ("COMMAND", "onward --help")),
    ],
)
def test_a_wrong_word_is_answered_with_what_was_perhaps_meant(onward, words: tuple[str, ...], named) -> None:
    called = onward(*words)
    assert called.status == 2
    assert called.out == ""
    for each in named:
        assert each in called.err
    assert len(called.err.splitlines()) == 2


def test_the_list_of_series_fits_a_terminal(onward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = onward("series", "list", "--fit-width").out.splitlines()
    assert max(map(len, lines)) <= 80
    (line,) = [line for line in lines if line.startswith("| 2024.2")]
    assert "| 2024-10-02 |" in line
    assert "| 3.8-3.12 " in line
    for_programs = onward("series", "list", "-f", "value", "-c", "Series", "-c", "Python").out
    assert "2024.2 3.11 3.12 3.10 3.9 3.8\n" in for_programs


def test_the_name_of_a_run_is_never_broken(onward, directories: Directories, monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(directories, rehearsal())
    monkeypatch.setenv("COLUMNS", "60")
    table = onward("runs", "list", "--fit-width").out
    assert f"| {run} |" in table
    assert max(map(len, table.splitlines())) <= 80
    assert onward("runs", "list", "-f", "value", "-c", "Run", "-c", "Kind").out.split() == [run, "rehearsal"]
    assert '"Created"' in onward("runs", "list", "-f", "csv").out
