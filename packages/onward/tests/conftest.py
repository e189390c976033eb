"""What tests of every area share: directories of their own, real Keystone environments, and the real entry point."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from onward.actions.build_environment import specification
from onward.catalog.load import series_list
from onward.commands.main import run
from onward.errors import InterpreterMissing
from onward.hosts.constraints import resolve
from onward.hosts.environments import Environment, build
from onward.hosts.interpreters import Interpreter, choose, find_interpreters
from onward.hosts.state import Directories, default_directories
from onward.plan.forward import EnvironmentChoice
from onward.survey.environments import choose_environments
from onward.survey.options import EnvironmentWish

# No test depends on the time that a busy machine takes; pytest's own timeout is there for what hangs.
settings.register_profile("onward", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("onward")


@pytest.fixture(scope="session")
def session_directories(tmp_path_factory: pytest.TempPathFactory) -> Directories:
    """State that all tests of one worker share, and the user's own cache, so that environments outlive the tests."""
    return Directories(state=tmp_path_factory.mktemp("state"), cache=default_directories().cache).prepared()


@pytest.fixture
def directories(tmp_path: Path, session_directories: Directories) -> Directories:
    """State of one test alone, with the shared cache."""
    return Directories(state=tmp_path / "state", cache=session_directories.cache).prepared()


@pytest.fixture(scope="session")
def interpreters() -> tuple[Interpreter, ...]:
    """What is on this machine."""
    return find_interpreters()


@pytest.fixture(scope="session")
def environment_choice(
    session_directories: Directories, interpreters: tuple[Interpreter, ...]
) -> Callable[[str], EnvironmentChoice]:
    """How Keystone of a series is built here; skips the test that asks where there is no interpreter for it."""

    def choice(identifier: str) -> EnvironmentChoice:
        series = series_list().find(identifier)
        try:
            interpreter = choose(series, interpreters)
        except InterpreterMissing as missing:
            pytest.skip(missing.what)
        return EnvironmentChoice(
            series=series.id,
            version=series.newest("keystone").version,
            python=str(interpreter.path),
            python_version=interpreter.version,
            constraints=resolve("as-of-release", series, session_directories),
        )

    return choice


@pytest.fixture(scope="session")
def built_keystone(
    session_directories: Directories, environment_choice: Callable[[str], EnvironmentChoice]
) -> Callable[[str], Environment]:
    """Keystone of a series, built once per machine; workers that ask at the same time wait for one another."""
    return lambda identifier: build(specification("keystone", environment_choice(identifier)), session_directories)


@pytest.fixture(scope="session")
def keystone_environment(built_keystone: Callable[[str], Environment]) -> Callable[[str], Path]:
    """The interpreter inside Keystone's environment of a series: ``keystone_environment("2025.1")``."""
    return lambda identifier: built_keystone(identifier).python


@pytest.fixture(scope="session")
def built_service(
    session_directories: Directories, interpreters: tuple[Interpreter, ...]
) -> Callable[[str, str], Environment]:
    """Any service of a series, as of its release, built once per machine; skips where no interpreter fits."""

    def environment(service: str, identifier: str) -> Environment:
        series = series_list().find(identifier)
        wish = EnvironmentWish(constraints="as-of-release", parallel=1)
        try:
            choices = choose_environments(session_directories, service, (series,), interpreters, wish)
        except InterpreterMissing as missing:
            pytest.skip(missing.what)
        return build(specification(service, choices[identifier]), session_directories)

    return environment


@pytest.fixture(scope="session")
def service_environment(built_service: Callable[[str, str], Environment]) -> Callable[[str, str], Path]:
    """The interpreter inside a service's environment of a series: ``service_environment("nova", "2026.2")``."""
    return lambda service, identifier: built_service(service, identifier).python


@dataclass(frozen=True)
class Called:
    status: int
    out: str
    err: str


@pytest.fixture
def onward(directories: Directories) -> Callable[..., Called]:
    """``onward("series", "list")``: exit status, standard output and standard error."""

    def call(*words: object) -> Called:
        out, err = io.StringIO(), io.StringIO()
        common = ["--state-dir", str(directories.state), "--cache-dir", str(directories.cache)]
        with redirect_stdout(out), redirect_stderr(err):
            try:
                status = run([*common, *map(str, words)])
            except SystemExit as ended:
                status = int(ended.code or 0)
        return Called(status, out.getvalue(), err.getvalue())

    return call
