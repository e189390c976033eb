"""Nothing that a user can type, set or meet is undocumented, and nothing is documented that is not there."""

import argparse
import inspect
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import pytest
from command_lines import fault_of_line, fault_of_span, lines_of, spans_of, strings_of
from pydantic import BaseModel

from onward import errors
from onward.commands.main import COMMANDS, OnwardApp, entry_point
from onward.errors import OnwardError, by_code
from onward.model.cloud import Cloud

ROOT = Path(__file__).parents[4]
DOCS = ROOT / "docs"
SOURCE = ROOT / "packages" / "onward" / "src" / "onward"
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "changelog.d").glob("*.md"),
    *(page for page in DOCS.rglob("*.md") if not {"_build", "generated"} & set(page.parts)),
]
FILES_PAGE = DOCS / "reference" / "files.md"

sys.path.insert(0, str(DOCS))
import reference_pages  # noqa: E402


def page_id(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture(scope="module")
def commands_page() -> str:
    return reference_pages.command_pages()


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_and_option_says_what_it_does(name: str, commands_page: str) -> None:
    kind = entry_point(name).load()
    assert kind.__doc__
    assert len(kind.__doc__.strip()) > 20
    parser = kind(OnwardApp(), None, cmd_name=name).get_parser(f"onward {name}")
    section = commands_page.partition(f"## onward {name}\n")[2].partition("\n## ")[0]
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction) or action.help == argparse.SUPPRESS:
            continue
        assert action.help, action.option_strings or action.dest
        for word in action.option_strings or [action.dest]:
            assert f"`{word}`" in section


def test_the_options_of_every_command_are_documented(commands_page: str) -> None:
    section = commands_page.partition("\n## ")[0]
    words = [word for action in OnwardApp().parser._actions for word in action.option_strings]
    assert "--state-dir" in words
    assert [word for word in words if f"`{word}`" not in section] == []


@pytest.mark.parametrize("code", sorted(by_code()))
def test_every_error_code_has_a_page_and_a_cause(code: str) -> None:
    kind = by_code()[code]
    page = inspect.getdoc(kind)
    assert page is not None
    assert page != inspect.getdoc(OnwardError)
    assert len(page) > 60
    assert f"## {code} {kind.__name__}\n" in reference_pages.error_pages()
    raising = [
        path for path in SOURCE.rglob("*.py") if "errors" not in path.parts and kind.__name__ in path.read_text()
    ]
    assert raising, f"nothing raises {kind.__name__}"


def test_error_codes_are_unique_and_stay_where_they_are() -> None:
    named = {code: kind.__name__ for code, kind in by_code().items()}
    kinds = [each for name in errors.__all__ if isinstance(each := getattr(errors, name), type)]
    said = Counter(each.code for each in kinds if "code" in vars(each) and each.code in named)
    assert said == Counter(named.keys())
    assert {code: named[code] for code in ("OW101", "OW201", "OW304", "OW402", "OW501", "OW602")} == {
        "OW101": "UnknownSeries",
        "OW201": "InterpreterMissing",
        "OW304": "DumpTruncated",
        "OW402": "PlanEdited",
        "OW501": "RunLocked",
        "OW602": "DataLost",
    }


def test_every_exit_status_is_documented() -> None:
    page = (DOCS / "reference" / "exit-statuses.md").read_text()
    documented = {int(number) for row in re.findall(r"^\| ([\d, ]+) \|", page, re.M) for number in row.split(",")}
    statuses = {errors.DONE, errors.FAILED, errors.USAGE, errors.DIFFERENCES, errors.REFUSED, errors.PAUSED}
    statuses |= {errors.LOCKED_OR_STALE, errors.BUG}
    statuses |= {errors.SIGNALLED + number for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    assert documented == statuses
    assert {kind.exit_status for kind in by_code().values()} <= documented


def test_every_variable_of_onward_is_documented_and_no_other() -> None:
    modules = (ROOT / "packages").glob("*/src/**/*.py")
    used = {name for path in modules for name in re.findall(r"\bONWARD_[A-Z_]*[A-Z]\b", path.read_text())}
    assert "ONWARD_STATE_DIR" in used
    assert set(re.findall(r"^\| `(ONWARD_[A-Z_]+)` \|", FILES_PAGE.read_text(), re.M)) == used
    named = {name for page in PAGES for name in re.findall(r"\bONWARD_[A-Z_]*[A-Z]\b", page.read_text())}
    assert named <= used


def keys_of(model: type[BaseModel], before: str = "") -> dict[str, bool]:
    """Every key of a file that a model describes, with dots between levels, and whether it must be there."""
    found = {}
    for name, field in model.model_fields.items():
        path = f"{before}{name}"
        found[path] = field.is_required()
        for inner in models_in(field.annotation):
            found |= keys_of(inner, f"{path}.NAME." if "dict" in str(field.annotation) else f"{path}.")
    return found


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    parts = get_args(annotation) if not isinstance(annotation, UnionType) else annotation.__args__
    return [model for part in parts for model in models_in(part)]


def test_every_key_of_the_cloud_file_is_documented_and_no_other() -> None:
    rows = re.findall(r"^\| `([a-zA-Z._]+)` \| (yes|no)", FILES_PAGE.read_text(), re.M)
    assert {key: needed == "yes" for key, needed in rows} == keys_of(Cloud)
    assert "services.NAME.units.stop" in dict(rows)


def test_the_readme_names_the_two_commands() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make demo" in readme
    assert "make test" in readme


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_command_line_can_be_typed(page: Path) -> None:
    text = page.read_text()
    faults = [f"{line}: {fault}" for line in lines_of(text) if (fault := fault_of_line(line))]
    faults += [f"{span}: {fault}" for span in spans_of(text) if (fault := fault_of_span(span))]
    assert faults == []


def test_every_command_that_the_program_itself_names_exists() -> None:
    faults = []
    for module in SOURCE.rglob("*.py"):
        named = [*strings_of(module), *spans_of(module.read_text())]
        faults += [f"{module.name}: {text}: {fault}" for text in named if (fault := fault_of_span(text))]
    assert faults == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("onward rehearse --demo --size small   # quick", ""),
        ("onward runs list -f value | head -1", ""),
        ("onward --state-dir /srv/onward runs show RUN --timeline", ""),
        ("onward --help", ""),
        ("onward rehearse --dmeo", "--dmeo"),
        ("onward rehearse --size tiny", "tiny"),
        ("onward runs lst", "runs"),
        ("onward plan upgrade", "--to"),
    ],
)
def test_a_command_line_that_cannot_be_typed_is_noticed(line: str, fault: str) -> None:
    assert bool(fault_of_line(line)) is bool(fault)
    assert fault in fault_of_line(line)
    assert list(lines_of(f"Text.\n\n    {line}\n\n```console\n$ {line}\n```\n")) == [line, line]


def test_every_page_is_in_a_table_of_contents() -> None:
    listed: set[str] = {"index"}
    for block in re.findall(r"```\{toctree\}\n(.*?)```", (DOCS / "index.md").read_text(), re.S):
        for entry in (line for line in block.splitlines() if line and not line.startswith(":")):
            pages = [str(page.relative_to(DOCS).with_suffix("")) for page in DOCS.glob(f"{entry}.md")]
            generated = [entry] if entry in {f"reference/generated/{name}" for name in reference_pages.PAGES} else []
            assert pages or generated, f"{entry} is listed and not there"
            listed |= {*pages, *generated}
    there = {str(page.relative_to(DOCS).with_suffix("")) for page in PAGES if page.is_relative_to(DOCS)}
    assert there | {f"reference/generated/{name}" for name in reference_pages.PAGES} == listed


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent == ROOT or "docs" in page.parts], ids=page_id)
def test_every_file_of_the_project_that_a_page_names_is_there(page: Path) -> None:
    top = "|".join(sorted({path.name for path in [*ROOT.iterdir(), *SOURCE.iterdir()] if path.is_dir()}))
    text = page.read_text()
    named = set(re.findall(rf"`((?:{top})/[\w./-]+\.\w+)`", text))
    links = {link for link in re.findall(r"\]\(([^):#]+)(?:#\w+)?\)", text) if "generated" not in link}
    missing = [name for name in named if not (ROOT / name).exists() and not (SOURCE / name).exists()]
    missing += [link for link in links if not (page.parent / link).exists()]
    assert [name for name in missing if not name.startswith("onward-demo/") and "NAME" not in name] == []


def test_the_documentation_is_built_without_a_warning(tmp_path: Path) -> None:
    program = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "-q", "-d", tmp_path / "doctrees"]
    built = subprocess.run([*program, DOCS, tmp_path / "html"], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    assert (tmp_path / "html" / "tutorial" / "first-rehearsal.html").exists()
