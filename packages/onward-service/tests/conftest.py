"""Real environments of real releases, as the tests of onward have them."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from onward.actions.build_environment import specification
from onward.catalog.load import series_list
from onward.catalog.service import Driver
from onward.errors import InterpreterMissing
from onward.hosts.environments import build
from onward.hosts.interpreters import find_interpreters
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.state import Directories, default_directories
from onward.survey.environments import choose_environments
from onward.survey.options import EnvironmentWish
from onward.survey.wsgi import PYUWSGI
from served_releases import Database, installed

MEMCACHE = Driver(package="python-memcached", module="memcache")
"""As deployments have it, so that one environment does for both."""
PATHS = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"

settings.register_profile("onward-service", deadline=None)
settings.load_profile("onward-service")


class Environments:
    """Environments of services, built once per machine."""

    def __init__(self, directories: Directories) -> None:
        self._directories = directories
        self._interpreters = find_interpreters()

    def python(self, service: str, identifier: str, also: tuple[Driver, ...] = ()) -> Path:
        """The interpreter in one; skips the test where there is none to build it with."""
        series = (series_list().find(identifier),)
        wish = EnvironmentWish(constraints="as-of-release", parallel=1)
        try:
            choices = choose_environments(self._directories, service, series, self._interpreters, wish)
        except InterpreterMissing as missing:
            pytest.skip(missing.what)
        choice = choices[identifier].model_copy(update={"also": also})
        return build(specification(service, choice), self._directories).python


@pytest.fixture
def interpreter(minor: int) -> Path:
    """Python 3.``minor``, of no service; skips the test where there is none."""
    found = next((each for each in find_interpreters() if each.version.startswith(f"3.{minor}.")), None)
    if found is None:
        pytest.skip(f"needs Python 3.{minor}")
    return found.path


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Environments:
    return Environments(Directories(tmp_path_factory.mktemp("state"), default_directories().cache).prepared())


@pytest.fixture(scope="session")
def plain_environment(environments: Environments) -> Callable[[str, str], Path]:
    """``plain_environment("nova", "2026.2")``: its interpreter."""
    return environments.python


@pytest.fixture(scope="session")
def served_environment(environments: Environments) -> Callable[[str, str], Path]:
    """The same with uWSGI in it, as deployments have it."""
    return lambda service, identifier: environments.python(service, identifier, (PYUWSGI, MEMCACHE))


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This package as it would be installed, for PYTHONPATH."""
    return installed(tmp_path_factory.mktemp("package"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    if shutil.which("mariadbd", path=PATHS) is None:
        pytest.skip("needs mariadbd: Debian's package mariadb-server-core")
    with PrivateMariadb(tmp_path / "mariadb", tmp_path / "mariadb.log") as server:
        yield Database(server)
