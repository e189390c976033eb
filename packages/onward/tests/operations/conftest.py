"""Real Keystone databases of 2025.2, made once for all workers, and servers that hold copies of them."""

import fcntl
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from installation import SOURCE, Installation, fresh_mariadb, fresh_sqlite
from rehearsing import Operator

from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.mariadb_client import save_dump
from onward.hosts.state import Directories

PATHS = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
BEFORE = "2025.1"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def mariadb_installed() -> None:
    if shutil.which("mariadbd", path=PATHS) is None:
        pytest.skip("needs mariadbd: Debian's package mariadb-server-core")


@contextmanager
def made_once(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """A directory that all workers of one test run share; whoever finds it empty fills it while the others wait."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        directory = shared / name
        directory.mkdir(exist_ok=True)
        yield directory


def rehearsed(directory: Path, cache: Path, backend: str) -> Path:
    """The workspace of a kept rehearsal that ended at 2025.2; the keys of its tokens and credentials go to ``keys``."""
    operator = Operator(Directories(directory / "state", cache), directory)
    ended = operator.call(
        "rehearse", "--demo", "--size", "small", "--from", BEFORE, "--to", SOURCE, "--scratch", backend, "--keep"
    )
    assert ended.status == 0, ended.out + ended.err
    (operator.workspace() / "etc" / "keystone").rename(directory / "keys")
    return operator.workspace()


@pytest.fixture(scope="session")
def original_file(
    tmp_path_factory: pytest.TempPathFactory,
    session_directories: Directories,
    environment_choice: Callable[..., object],
) -> Path:
    """The SQLite file of a real Keystone at 2025.2."""
    for series in (BEFORE, SOURCE):
        environment_choice(series)
    with made_once(tmp_path_factory, "keystone-on-sqlite") as directory:
        kept = directory / "keystone.sqlite"
        if not kept.exists():
            workspace = rehearsed(directory, session_directories.cache, "sqlite")
            (workspace / "scratch" / "keystone.sqlite").rename(kept)
    return kept


@pytest.fixture(scope="session")
def original_dump(
    tmp_path_factory: pytest.TempPathFactory,
    session_directories: Directories,
    environment_choice: Callable[..., object],
    mariadb_installed: None,
) -> Path:
    """What mariadb-dump wrote of a real Keystone at 2025.2 in MariaDB."""
    for series in (BEFORE, SOURCE):
        environment_choice(series)
    with made_once(tmp_path_factory, "keystone-on-mariadb") as directory:
        kept = directory / "keystone.sql"
        if not kept.exists():
            workspace = rehearsed(directory, session_directories.cache, "mariadb")
            with PrivateMariadb(workspace / "scratch" / "server", directory / "server.log") as server:
                save_dump(server.url("keystone"), kept)
    return kept


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mariadb_installed: None) -> Iterator[PrivateMariadb]:
    """The server that the databases of one's own are in."""
    directory = tmp_path_factory.mktemp("mariadb")
    with PrivateMariadb(directory / "server", directory / "log") as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def install(request: pytest.FixtureRequest, session_directories: Directories) -> Callable[..., Installation]:
    """``install("mariadb", directory)``: a Keystone of one's own, at 2025.2."""

    def make(backend: str, directory: Path) -> Installation:
        home = directory / "home"
        home.mkdir(parents=True)
        operator = Operator(Directories(directory / "state", session_directories.cache).prepared(), home)
        if backend == "sqlite":
            original: Path = request.getfixturevalue("original_file")
            url = fresh_sqlite(original, directory)
        else:
            server: PrivateMariadb = request.getfixturevalue("server")
            original = request.getfixturevalue("original_dump")
            url = fresh_mariadb(server, original, f"keystone_{next(_numbers)}")
        return Installation(directory, operator, url, keys=original.parent / "keys")

    return make


@pytest.fixture
def installation(install: Callable[..., Installation], backend: str, tmp_path: Path) -> Installation:
    return install(backend, tmp_path / "cloud")


@pytest.fixture
def installation_on_mariadb(install: Callable[..., Installation], tmp_path: Path) -> Installation:
    return install("mariadb", tmp_path / "cloud")
