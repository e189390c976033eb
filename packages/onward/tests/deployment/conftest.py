"""A model that is really deployed, for as long as the tests of a module need it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from bundles import KEYSTONE
from deploying import Operator

from onward.errors import ProgramMissing
from onward.hosts.leftovers import processes_of
from onward.hosts.state import Directories
from onward.hosts.supervisor import Supervisor
from onward.survey.deployment import read_bundle, survey_deployment
from onward.survey.options import EnvironmentWish


@pytest.fixture(scope="module")
def module_operator(tmp_path_factory: pytest.TempPathFactory, session_directories: Directories) -> Iterator[Operator]:
    directory = tmp_path_factory.mktemp("deployment")
    directories = Directories(state=directory / "state", cache=session_directories.cache).prepared()
    found = Operator(directories, directory / "cloud.yaml")
    yield found
    for model in directories.models.iterdir() if directories.models.is_dir() else ():
        if found.store(model.name).exists:
            found.destroy(model.name)
    assert processes_of(directories.state) == []


@pytest.fixture(scope="module")
def deployed(module_operator: Operator) -> Operator:
    """Keystone on two units behind HAProxy, with MariaDB and memcached, as the model ``small``."""
    module_operator.bundle.write_text(KEYSTONE.format(name="small"))
    try:
        survey_deployment(
            module_operator.directories,
            read_bundle(module_operator.bundle, None),
            EnvironmentWish(constraints="as-of-release", parallel=2),
        )
    except ProgramMissing as missing:
        pytest.skip(f"{missing.what} {missing.evidence}")
    module_operator.deploy()
    return module_operator


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor of its own, with nothing to run yet."""
    found = Supervisor(tmp_path, tmp_path / "s")
    found.ensure()
    yield found
    found.end()
