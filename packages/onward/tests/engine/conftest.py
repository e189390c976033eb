"""Runs in processes of their own, for the tests of the engine."""

from collections.abc import Iterator

import pytest
from engine_lives import Lives


@pytest.fixture(scope="session")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    """Processes that execute runs; the tests kill them."""
    found = Lives(tmp_path_factory.mktemp("lives"))
    yield found
    found.close()
