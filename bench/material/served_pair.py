"""Where real services are compared with the middleware and without: a database, their environments, this package."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conftest import MEMCACHE, Environments
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.state import Directories, default_directories
from onward.survey.wsgi import PYUWSGI
from served_releases import Database, Served, ServedGlance, ServedKeystone, installed

SERIES = "2026.1"
PATHS = {"keystone": "/v3/projects", "glance": "/v2/images"}
"""What is asked of each."""


@dataclass(frozen=True)
class Place:
    """A directory that is removed afterwards, with a private MariaDB in it."""

    home: Path
    database: Database
    environments: Environments
    package: Path
    """onward-service as it would be installed."""

    def keystones(self, count: int) -> list[ServedKeystone]:
        """So many on one database, of which the first one has to be prepared."""
        python, connection = self._python("keystone"), self.database.make("keystone")
        return [
            ServedKeystone(self.home / f"keystone-{each}", python, connection, self.package) for each in range(count)
        ]

    @contextmanager
    def keystone(self) -> Iterator[tuple[ServedKeystone, str]]:
        """One that serves without the middleware, and its administrator's token."""
        (only,) = self.keystones(1)
        only.prepare()
        with only.serving(wrapped=False):
            yield only, only.token()

    def glances(self, keystone: ServedKeystone) -> tuple[ServedGlance, ServedGlance]:
        """Without the filter and with it, on one prepared database; both ask this Keystone."""
        python, connection = self._python("glance"), self.database.make("glance")
        identity = f"http://127.0.0.1:{keystone.port}/v3"
        without, having = (
            ServedGlance(self.home / f"glance-{filtered}", python, connection, self.package, identity, filtered)
            for filtered in (False, True)
        )
        without.prepare()
        return without, having

    def _python(self, service: str) -> Path:
        return self.environments.python(service, SERIES, (PYUWSGI, MEMCACHE))


def variables(served: Served, token: str) -> dict[str, str]:
    """Of a program's environment that asks this service in its own process."""
    return {**os.environ, **served.variables(), "PYTHONPATH": str(served.package), "ASKED_TOKEN": token}


@contextmanager
def place() -> Iterator[Place]:
    """Make it, and remove it."""
    home = Path(tempfile.mkdtemp(prefix="health-"))
    try:
        environments = Environments(Directories(home / "state", default_directories().cache).prepared())
        with PrivateMariadb(home / "mariadb", home / "mariadb.log") as server:
            yield Place(home, Database(server), environments, installed(home / "package"))
    finally:
        shutil.rmtree(home, ignore_errors=True)
