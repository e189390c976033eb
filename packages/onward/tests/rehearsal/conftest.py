"""Fixtures of the rehearsals."""

from collections.abc import Callable
from pathlib import Path

import pytest
from rehearsing import Operator

from onward.hosts.state import Directories


@pytest.fixture
def operator(directories: Directories, tmp_path: Path) -> Operator:
    (tmp_path / "home").mkdir()
    return Operator(directories, tmp_path / "home")


@pytest.fixture
def needs(environment_choice: Callable[[str], object]) -> Callable[..., None]:
    """Skip, and say why, where a series of the path has no interpreter here."""

    def check(*series: str) -> None:
        for each in series:
            environment_choice(each)

    return check
