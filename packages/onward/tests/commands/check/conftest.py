"""Real Keystones to check: small, on SQLite, each test with its own."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from checked_keystone import SOURCE, Keystone


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


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of whoever runs the tests are not used."""
    for name in list(os.environ):
        if name.startswith("OS_"):
            monkeypatch.delenv(name)
