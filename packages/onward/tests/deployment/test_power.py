"""All units of a model end at once, as when the machine is shut down or loses its power: deployed again, it is back."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from bundles import CLUSTERS
from deploying import Operator, until

pytestmark = [
    pytest.mark.full,
    pytest.mark.mariadb,
    pytest.mark.broker,
    pytest.mark.timeout(1800),
]


@pytest.fixture(scope="module")
def clusters(module_operator: Operator) -> Iterator[Operator]:
    """Three database servers and three brokers."""
    module_operator.deploy(CLUSTERS.format(name="clusters"))
    yield module_operator
    module_operator.destroy("clusters")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["shut down", "power cut"])
def test_clusters_that_have_ended_as_a_whole_come_back(clusters: Operator, number: signal.Signals) -> None:
    pid = clusters.supervisor("clusters").pid
    assert pid is not None
    everything = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    # The supervisor passes SIGTERM on, to all of its children at once.
    for process in everything if number == signal.SIGKILL else everything[:1]:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
    until("all have ended", lambda: not any(process.is_running() for process in everything))
    clusters.deploy()
    listed = clusters.must("status", "clusters", "-f", "value", "-c", "State").split()
    assert listed == ["active"] * 6
