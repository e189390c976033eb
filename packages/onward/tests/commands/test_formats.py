"""Every list and every page of values comes in every format, with the columns that were asked for."""

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from run_records import rehearsal

from onward.catalog.load import series_list
from onward.commands.controller import start
from onward.hosts.state import Directories

SERIES = ["Series", "Name", "Released", "SLURP", "Keystone", "Python", "Runs here"]
RUNS = ["Run", "Kind", "Cloud", "Service", "From", "To", "Status", "Steps", "Created"]
STEPS = ["Step", "Phase", "Status", "Seconds", "Attempts", "Error"]
LISTS: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "series list": (("series", "list"), SERIES),
    "runs list": (("runs", "list"), RUNS),
    "runs show": (("runs", "show", "RUN"), STEPS),
}


@pytest.fixture(autouse=True)
def one_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which only one interpreter has to be asked what it is, as each format asks again."""
    name = f"python3.{sys.version_info.minor}"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / name).symlink_to(Path(sys.base_prefix) / "bin" / name)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for variable in ("HOME", "PYENV_ROOT", "UV_PYTHON_INSTALL_DIR", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "home"))


@pytest.fixture
def listed(onward: Callable[..., Any], directories: Directories) -> Callable[..., str]:
    """``listed("runs show", "-f", "json")``: standard output, with one run in the journal."""
    run = start(directories, rehearsal())

    def call(name: str, *options: str) -> str:
        words = [run if word == "RUN" else word for word in LISTS[name][0]]
        called = onward(*words, *options)
        assert called.status == 0, called.err
        assert called.err == ""
        return str(called.out)

    return call


@pytest.mark.parametrize("name", LISTS)
def test_a_list_says_the_same_in_every_format(listed: Callable[..., str], name: str) -> None:
    columns = LISTS[name][1]
    rows = json.loads(listed(name, "-f", "json"))
    assert rows
    assert all(list(row) == columns for row in rows)
    assert yaml.safe_load(listed(name, "-f", "yaml")) == rows
    as_csv = list(csv.DictReader(io.StringIO(listed(name, "-f", "csv"))))
    assert as_csv == [{column: text(row[column]) for column in columns} for row in rows]
    first = columns[0]
    assert listed(name, "-f", "value", "-c", first).split() == [row[first] for row in rows]
    table = listed(name, "--max-width", "1000")
    assert all(f"| {row[first]} " in table for row in rows)


def text(value: object) -> str:
    """What a value is in CSV."""
    return "" if value is None else str(value)


@pytest.mark.parametrize("name", LISTS)
def test_columns_can_be_chosen_by_names_as_people_write_them(listed: Callable[..., str], name: str) -> None:
    first, last = LISTS[name][1][0], LISTS[name][1][-1]
    rows = json.loads(listed(name, "-f", "json", "-c", first, "-c", last.lower().replace(" ", "_")))
    assert all(list(row) == [first, last] for row in rows)
    header = listed(name, "-c", last).splitlines()[1]
    assert last in header
    assert first not in header


@pytest.mark.parametrize("name", LISTS)
def test_a_column_that_there_is_not_is_a_usage_error(onward, directories: Directories, name: str) -> None:
    run = start(directories, rehearsal())
    words = [run if word == "RUN" else word for word in LISTS[name][0]]
    for chosen in (["-c", "Nope"], ["-c", LISTS[name][1][0], "-c", "Nope"]):
        called = onward(*words, *chosen)
        assert (called.status, called.out) == (2, "")
        assert "'Nope'" in called.err
        assert ", ".join(LISTS[name][1][-3:]) in " ".join(called.err.split())


@pytest.mark.parametrize(
    "words", [("series", "list", "-f", "xml"), ("series", "show"), ("runs", "show"), ("check", "--to")]
)
def test_a_wrong_format_and_a_missing_word_are_usage_errors(onward, words: tuple[str, ...]) -> None:
    called = onward(*words)
    assert (called.status, called.out) == (2, "")
    assert "usage: onward" in called.err


def test_lists_can_be_sorted_by_any_column(listed: Callable[..., str]) -> None:
    names = listed("series list", "-f", "value", "-c", "Name", "--sort-column", "Name").split()
    assert names == sorted(series.name for series in series_list())
    for column in STEPS:
        assert listed("runs show", "-f", "csv", "--sort-column", column)


def test_an_empty_list_is_empty_in_every_format(onward) -> None:
    assert json.loads(onward("runs", "list", "-f", "json").out) == []
    assert yaml.safe_load(onward("runs", "list", "-f", "yaml").out) == []
    assert onward("runs", "list", "-f", "value").out == ""
    assert onward("runs", "list", "-f", "csv").out.splitlines() == [",".join(f'"{name}"' for name in RUNS)]


def test_what_is_not_known_yet_is_nothing_and_no_text(listed: Callable[..., str]) -> None:
    assert {row["Seconds"] for row in json.loads(listed("runs show", "-f", "json"))} == {None}
    assert "None" not in listed("runs show")


def test_every_series_has_its_dates_interpreters_and_versions(onward) -> None:
    rows = json.loads(onward("series", "list", "-f", "json").out)
    assert [row["Series"] for row in rows] == [series.id for series in series_list()]
    for row, series in zip(rows, series_list(), strict=True):
        assert (row["Name"], row["Released"], row["SLURP"]) == (series.name, series.released.isoformat(), series.slurp)
        assert row["Python"].split() == list(series.python)
        assert row["Keystone"] == series.newest("keystone").version


def test_one_series_says_the_same_in_every_format(onward) -> None:
    words = ("series", "show", "Caracal")
    versions = [release.version for release in series_list().find("2024.1").services["nova"]]
    shown = json.loads(onward(*words, "-f", "json").out)
    assert list(shown)[:6] == ["Series", "Name", "Released", "SLURP", "Python", "Runs here"]
    assert shown["nova"].split() == versions
    assert yaml.safe_load(onward(*words, "-f", "yaml").out) == shown
    assert onward(*words, "-f", "value").out.splitlines() == [str(value) for value in shown.values()]
    assert onward(*words, "-f", "value", "-c", "Released").out == "2024-04-03\n"
    assert 'released="2024-04-03"' in onward(*words, "-f", "shell").out
    assert "| Released  | 2024-04-03" in onward(*words).out
    assert onward(*words, "-c", "Nope").status == 2


def test_a_plan_is_a_tree_or_data(onward, tmp_path: Path, directories: Directories) -> None:
    file = tmp_path / "plan.json"
    file.write_text(rehearsal().sealed().to_json(), encoding="utf-8")
    assert onward("plan", "show", file, "-f", "json").out == file.read_text(encoding="utf-8")
    assert "migrate/" in onward("plan", "show", file).out
    assert json.loads(onward("plan", "schema").out)["title"] == "Plan"
    assert onward("plan", "show", file, "-f", "yaml").status == 2
