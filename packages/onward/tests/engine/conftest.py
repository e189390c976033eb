"""Runs in processes of their own, for the tests of the engine."""

import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from controller_lives import Controllers
from engine_lives import Lives
from postgres_server import make_database, postgres_server, program

from onward.hosts.state import Directories
from onward.model.store import store_address


@pytest.fixture(scope="session")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lives]:
    """Processes that execute runs; the tests kill them."""
    found = Lives(tmp_path_factory.mktemp("lives"))
    yield found
    found.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """URL of a private PostgreSQL; PGPASSFILE is set as long as it runs."""
    program("postgres")
    # Not among pytest's own directories, which its user alone may enter: the server's user is another one.
    with tempfile.TemporaryDirectory(prefix="onward-postgres-") as name:
        directory = Path(name) / "server"
        with postgres_server(directory) as url, pytest.MonkeyPatch.context() as patch:
            patch.setenv("PGPASSFILE", str(directory / "pgpass"))
            yield url


@pytest.fixture
def stored(postgres: str, tmp_path: Path) -> Directories:
    """Directories with a store of their own."""
    url = make_database(postgres, f"store_{secrets.token_hex(4)}")
    return Directories(tmp_path / "state", tmp_path / "cache", store_address(url)).prepared()


@pytest.fixture
def controllers(stored: Directories) -> Iterator[Controllers]:
    """Controllers of that store."""
    found = Controllers(stored)
    yield found
    found.close()
