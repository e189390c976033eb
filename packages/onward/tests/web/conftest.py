"""One page for the tests of a module, and pages of one's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from served import Person, Served

from onward.hosts.state import Directories


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, session_directories: Directories) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("page")
    found = Served(Directories(home / "state", session_directories.cache).prepared(), home).begin()
    yield found
    found.end()


@pytest.fixture
def person(served: Served) -> Person:
    """Somebody who has logged in."""
    return Person(served).log_in()


@pytest.fixture
def stranger(served: Served) -> Person:
    return Person(served)


@pytest.fixture
def own(tmp_path: Path, directories: Directories) -> Iterator[Served]:
    """A page of one's own, not begun yet."""
    found = Served(directories, tmp_path)
    yield found
    if found._process is not None and found._process.poll() is None:
        found.end()
