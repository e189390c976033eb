"""Installed by pip alone, as the README says: nothing of the workspace, and no uv on PATH."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from onward import __version__
from onward.catalog.load import series_list

PACKAGE = Path(__file__).parents[2]

pytestmark = [pytest.mark.full, pytest.mark.environments, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """``installed("series", "list")``: the program of a new environment, with directories of its own."""
    home = tmp_path_factory.mktemp("installed")
    shutil.copytree(PACKAGE / "src", home / "onward" / "src")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(PACKAGE / name, home / "onward")
    subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True)
    subprocess.run([home / "venv" / "bin" / "pip", "install", "--quiet", home / "onward"], check=True)
    without_uv = [place for place in os.get_exec_path() if not (Path(place) / "uv").exists()]
    variables = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    variables |= {
        "PATH": os.pathsep.join(without_uv),
        "ONWARD_STATE_DIR": str(home / "state"),
        "ONWARD_CACHE_DIR": str(home / "cache"),
    }
    assert shutil.which("uv", path=variables["PATH"]) is None

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        program = [str(home / "venv" / "bin" / "onward"), *words]
        return subprocess.run(program, env=variables, cwd=home, capture_output=True, text=True, check=False)

    return call


def test_it_says_what_it_is_and_what_it_knows(installed: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert installed("--version").stdout == f"onward {__version__}\n"
    listed = installed("series", "list", "-f", "value", "-c", "Series").stdout.split()
    assert listed == [series.id for series in series_list()]


def test_it_rehearses_with_the_uv_that_came_with_it(
    installed: Callable[..., subprocess.CompletedProcess[str]], environment_choice: Callable[[str], object]
) -> None:
    for series in ("2026.1", "2026.2"):
        environment_choice(series)
    ended = installed("rehearse", "--demo", "--size", "small", "--from", "2026.1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.startswith("Nothing was lost: ")
