"""Real oslo.policy of any series, for as long as the tests run."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from policy_judge import Judge


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
