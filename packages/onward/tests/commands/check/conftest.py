"""Real Keystones to check: small, on SQLite, each test with its own."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from checked_keystone import SOURCE, Keystone
from real_services import RealService, real_service

from onward.errors import ToolMissing
from onward.hosts.mariadb import PrivateMariadb, find_tool


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, keystone_environment: Callable[[str], Path]) -> Keystone:
    """A bootstrapped Keystone on SQLite, to be copied."""
    made = Keystone(tmp_path_factory.mktemp("keystone"), keystone_environment(SOURCE))
    made.write()
    with made.runner() as runner:
        made.bootstrap(runner)
    return made


@pytest.fixture
def keystone(tmp_path: Path, template: Keystone) -> Keystone:
    """A bootstrapped Keystone on SQLite, for one test."""
    copy = Keystone(tmp_path / "keystone", template.python)
    copy.directory.mkdir()
    copy.write()
    (copy.directory / "keys").mkdir(mode=0o700)
    for file in [template.database, *(template.directory / "keys").iterdir()]:
        target = copy.directory / file.relative_to(template.directory)
        target.write_bytes(file.read_bytes())
        target.chmod(0o600)
    return copy


@pytest.fixture(scope="session")
def real_services(
    tmp_path_factory: pytest.TempPathFactory, service_environment: Callable[[str, str], Path]
) -> Iterator[Callable[[str, str], RealService]]:
    """``real_services("nova", "2026.2")``: on SQLite, made once; who plants rows in it takes care of what is left."""
    with ExitStack() as stack:

        @cache
        def made(service: str, series: str) -> RealService:
            directory = tmp_path_factory.mktemp(service)
            return stack.enter_context(real_service(service, series, directory, service_environment))

        yield made


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateMariadb]:
    """A server of its own, for the services that are made on it."""
    try:
        find_tool("mariadbd")
    except ToolMissing as missing:
        pytest.skip(missing.what)
    directory = tmp_path_factory.mktemp("mariadb")
    with PrivateMariadb(directory / "server", directory / "log") as running:
        yield running


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of whoever runs the tests are not used."""
    for name in list(os.environ):
        if name.startswith("OS_"):
            monkeypatch.delenv(name)
