"""What stands in for netifaces answers what services ask of it when they start."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from onward.hosts.runner import clean_environment

pytestmark = [pytest.mark.full, pytest.mark.environments]

CONNECTS = """
import keystoneauth1.session, openstack.connection
openstack.connection.Connection(session=keystoneauth1.session.Session(), oslo_conf=None)
"""
"""What Nova does to reach Placement, before it serves or works (nova/utils.py, get_sdk_adapter)."""


@pytest.mark.parametrize("series", ["2023.1", "2023.2", "2024.1", "2024.2"])
def test_nova_can_make_the_connection_by_which_it_reaches_placement(
    series: str, service_environment: Callable[[str, str], Path]
) -> None:
    python = service_environment("nova", series)
    finished = subprocess.run(
        [python, "-I", "-W", "ignore", "-c", CONNECTS],
        env=clean_environment({"PATH": "/usr/bin:/bin"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
