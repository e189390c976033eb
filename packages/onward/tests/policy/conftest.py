"""Real oslo.policy of any series, for as long as the tests run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from policy_judge import Judge

from onward.errors import InterpreterMissing
from onward.hosts.state import Directories
from onward.policy.in_force import InForce
from onward.policy.registered import RegisteredPolicy
from onward.survey.options import EnvironmentWish
from onward.survey.policies import PolicyEnvironments

# How long an example takes says more about the machine than about the code.
settings.register_profile("policy", deadline=None)
settings.load_profile("policy")


class SkippingEnvironments(PolicyEnvironments):
    """Releases of this machine; a test that asks for one without an interpreter is skipped."""

    def registered(self, service: str, series: str) -> RegisteredPolicy:
        try:
            return super().registered(service, series)
        except InterpreterMissing as missing:
            pytest.skip(missing.what)

    def in_force(self, *words: object) -> InForce:
        try:
            return super().in_force(*words)
        except InterpreterMissing as missing:
            pytest.skip(missing.what)


@pytest.fixture(scope="session")
def policy_environments(session_directories: Directories) -> PolicyEnvironments:
    """The releases that say themselves what their policy is."""
    wish = EnvironmentWish(constraints="as-of-release", parallel=2)
    return SkippingEnvironments(session_directories, wish, lambda line: None)


@pytest.fixture(scope="session")
def judge(keystone_environment: Callable[[str], Path]) -> Iterator[Callable[[str], Judge]]:
    """``judge("2025.1")``: the oslo.policy in Keystone's environment of a series."""
    started: dict[str, Judge] = {}

    def of(series: str) -> Judge:
        if series not in started:
            started[series] = Judge(keystone_environment(series), series)
        return started[series]

    yield of
    for each in started.values():
        each.close()
