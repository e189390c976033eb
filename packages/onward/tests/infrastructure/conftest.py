"""Real servers below the services, with what is wrong with them."""

import shutil
from collections.abc import Iterator

import pytest
from galera_cluster import PROVIDER, GaleraCluster, galera_cluster

PATHS = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


@pytest.fixture(scope="module")
def running_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GaleraCluster]:
    """A Galera cluster of three nodes, shared by the tests of a module."""
    if shutil.which("mariadbd", path=PATHS) is None:
        pytest.skip("needs mariadbd: Debian's package mariadb-server-core")
    if not PROVIDER.exists():
        pytest.skip(f"needs {PROVIDER}: Debian's package galera-4")
    with galera_cluster(tmp_path_factory.mktemp("galera")) as cluster:
        yield cluster
