"""Interpreters: what is really there is found, what only looks like one is not, and a series gets one it can run on."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onward.catalog.load import series_list
from onward.errors import InterpreterMissing
from onward.hosts.interpreters import Interpreter, choose, find_interpreters, longest_path

HERE = ".".join(map(str, sys.version_info[:2]))
BASE = Path(sys.base_prefix) / "bin" / f"python{HERE}"


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def look(home: Path, *path: Path) -> tuple[Interpreter, ...]:
    return find_interpreters({"PATH": os.pathsep.join(map(str, path)), "HOME": str(home)})


def on_python(*minors: str) -> tuple[Interpreter, ...]:
    return tuple(Interpreter(f"{minor}.1", Path(f"/opt/python{minor}"), "system") for minor in minors)


def test_finds_the_interpreter_that_runs_these_tests(interpreters: tuple[Interpreter, ...]) -> None:
    versions = {interpreter.version for interpreter in interpreters}
    assert ".".join(map(str, sys.version_info[:3])) in versions
    for interpreter in interpreters:
        assert interpreter.path.is_absolute()
        answer = subprocess.run([interpreter.path, "--version"], capture_output=True, text=True, check=True)
        assert answer.stdout.strip() == f"Python {interpreter.version}"


def test_a_shim_that_answers_command_not_found_is_not_taken_and_what_pyenv_really_has_is(tmp_path: Path) -> None:
    shims = tmp_path / ".pyenv" / "shims"
    script(shims / "python3.9", "#!/bin/sh\necho 'pyenv: python3.9: command not found' >&2\nexit 127\n")
    installed = tmp_path / ".pyenv" / "versions" / HERE / "bin" / f"python{HERE}"
    script(installed, f'#!/bin/sh\nexec {BASE} "$@"\n')
    found = look(tmp_path, shims)
    assert [interpreter.minor for interpreter in found] == [HERE]


def test_a_shim_that_works_stands_for_the_interpreter_behind_it(tmp_path: Path) -> None:
    shim = script(tmp_path / "shims" / "python3", f'#!/bin/sh\nexec {BASE} "$@"\n')
    (found,) = look(tmp_path, shim.parent)
    assert found.path.resolve() == BASE.resolve()


def test_pyenvs_shims_are_not_run_for_what_pyenv_has_is_found_where_it_is(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    shims = tmp_path / ".pyenv" / "shims"
    script(shims / f"python{HERE}", f'#!/bin/sh\ntouch {ran}\nexec {BASE} "$@"\n')
    script(tmp_path / ".pyenv" / "versions" / HERE / "bin" / f"python{HERE}", f'#!/bin/sh\nexec {BASE} "$@"\n')
    assert [interpreter.minor for interpreter in look(tmp_path, shims)] == [HERE]
    assert not ran.exists()


def test_an_interpreter_that_is_replaced_is_asked_again(tmp_path: Path) -> None:
    place = tmp_path / "bin" / "python3"
    answer = '{"version": "3.9.%d", "implementation": "CPython", "path": "' + str(place) + '", "headers": true}'
    for patch in (1, 1, 22):
        script(place, f"#!/bin/sh\necho '{answer % patch}'\n")
        assert [each.version for each in look(tmp_path, place.parent)] == [f"3.9.{patch}"]


def test_links_to_nowhere_programs_that_hang_on_input_and_other_names_are_left_out(tmp_path: Path) -> None:
    bin_directory = tmp_path / "bin"
    script(bin_directory / "python3.8", "#!/bin/sh\ncat\n")
    script(bin_directory / "python3-config", f'#!/bin/sh\nexec {BASE} "$@"\n')
    script(bin_directory / "python3.7", "#!/bin/sh\necho '{}'\n")
    (bin_directory / "python3.10").symlink_to(tmp_path / "gone")
    assert look(tmp_path, bin_directory, Path("relative"), tmp_path / "missing") == ()


def test_an_interpreter_without_sqlite_is_no_interpreter_for_a_service(tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['sqlite3'] = None; exec(sys.argv.pop())"
    script(tmp_path / "bin" / "python3", f'#!/bin/sh\nexec {BASE} -I -c "{hidden}" "$3"\n')
    assert look(tmp_path, tmp_path / "bin") == ()


def test_a_virtual_environment_on_the_path_stands_for_the_interpreter_it_was_made_from(tmp_path: Path) -> None:
    subprocess.run([BASE, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    (found,) = look(tmp_path, tmp_path / "venv" / "bin")
    assert found.path.resolve() == BASE.resolve()
    assert not found.path.is_relative_to(tmp_path)


def test_where_uv_keeps_its_own_they_are_found_without_being_on_the_path(tmp_path: Path) -> None:
    installation = tmp_path / "managed" / f"cpython-{HERE}-linux"
    installation.parent.mkdir()
    installation.symlink_to(sys.base_prefix)
    found = find_interpreters({"PATH": "", "HOME": str(tmp_path), "UV_PYTHON_INSTALL_DIR": str(tmp_path / "managed")})
    assert [interpreter.path.resolve() for interpreter in found] == [BASE.resolve()]


def test_a_series_gets_the_interpreter_it_prefers_and_of_those_the_one_that_can_compile() -> None:
    bare = Interpreter("3.11.9", Path("/usr/bin/python3.11"), "system", headers=False)
    full = Interpreter("3.11.2", Path("/opt/python3.11"), "pyenv")
    assert choose(series_list().find("2024.1"), [*on_python("3.10"), bare, full]) == full
    assert choose(series_list().find("2024.1"), on_python("3.9", "3.10")).minor == "3.10"


def test_a_missing_interpreter_is_named_with_its_series_and_with_what_was_found() -> None:
    with pytest.raises(InterpreterMissing) as caught:
        choose(series_list().find("wallaby"), on_python("3.11"))
    assert caught.value.exit_status == 4
    assert "wallaby" in caught.value.what
    assert "3.8 or 3.9" in caught.value.what
    assert "/opt/python3.11" in caught.value.evidence
    assert caught.value.next_command == "uv python install 3.8"


def test_python_3_11_alone_carries_2023_1_to_the_newest() -> None:
    path = longest_path(series_list(), on_python("3.11"), "keystone")
    assert [path[0].id, path[-1].id] == ["2023.1", "2026.2"]
    assert len(path) == 8


def test_a_gap_ends_the_path_even_when_older_series_could_be_carried() -> None:
    path = longest_path(series_list(), on_python("3.11", "3.6"), "keystone")
    assert path[0].id == "2023.1"


def test_one_series_alone_is_no_path_and_the_series_that_ends_it_is_named() -> None:
    with pytest.raises(InterpreterMissing, match=r"2026\.2"):
        longest_path(series_list(), on_python("3.6"), "keystone")
    with pytest.raises(InterpreterMissing, match=r"2025\.1"):
        longest_path(series_list().__class__(tuple(series_list())[:16]), on_python("3.8"), "keystone")


@given(st.sets(st.sampled_from(["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])))
def test_the_longest_path_has_no_gap_ends_at_the_newest_and_cannot_be_longer(minors: set[str]) -> None:
    everything = list(series_list())
    carried = [bool(minors & set(series.python)) for series in everything]
    if not all(carried[-2:]):
        with pytest.raises(InterpreterMissing):
            longest_path(series_list(), on_python(*minors), "keystone")
        return
    path = longest_path(series_list(), on_python(*minors), "keystone")
    assert list(path) == everything[-len(path) :]
    assert all(carried[-len(path) :])
    assert len(path) == len(everything) or not carried[-len(path) - 1]
