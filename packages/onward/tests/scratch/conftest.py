"""A real private MariaDB, and small databases to copy."""

import shutil
from collections.abc import Iterator

import pytest

from onward.hosts.mariadb import PrivateMariadb

PATHS = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


@pytest.fixture(scope="session", autouse=True)
def installed() -> None:
    if shutil.which("mariadbd", path=PATHS) is None:
        pytest.skip("needs mariadbd: Debian's package mariadb-server-core")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateMariadb]:
    directory = tmp_path_factory.mktemp("mariadb")
    with PrivateMariadb(directory / "server", directory / "log") as running:
        yield running
