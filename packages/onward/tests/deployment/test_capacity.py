"""What a machine has left for units is looked at before anything starts, and nobody who waits there is disturbed."""

import socket
from pathlib import Path

import pytest
from bundles import wish

from onward.catalog.charms import charms
from onward.errors import NoMemory, PortTaken
from onward.hosts.state import Directories
from onward.observe.listening import taken
from onward.plan.plan import Plan
from onward.survey.capacity import MEBIBYTE, require_memory
from onward.survey.deployment import read_bundle, survey_deployment
from onward.survey.options import EnvironmentWish

PORT = 11211


def planned(directory: Path) -> Plan:
    bundle = directory / "caches.yaml"
    bundle.write_text("name: caches\napplications:\n  memcached: {num_units: 5}\n")
    directories = Directories(state=directory / "state", cache=directory / "cache").prepared()
    return survey_deployment(directories, read_bundle(bundle, None), EnvironmentWish("as-of-release", 1))


@pytest.fixture
def fifth(tmp_path: Path) -> str:
    """The address that the fifth unit gets, beyond those by which a free network is looked for."""
    state = planned(tmp_path).step("start/memcached/4").arguments["processes"]
    address = state[0]["ready"]["address"]  # type: ignore[index, call-overload]
    assert isinstance(address, str)
    return address


def test_who_listens_there_already_is_named_and_not_connected_to(tmp_path: Path, fifth: str) -> None:
    with socket.socket() as waiting:
        waiting.bind((fifth, PORT))
        waiting.listen()
        waiting.setblocking(False)
        with pytest.raises(PortTaken) as refused:
            planned(tmp_path)
        assert f"{fifth}:{PORT} (memcached/4, cache)" in refused.value.evidence
        with pytest.raises(BlockingIOError):
            waiting.accept()


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])  # noqa: S104 - what others listen on
def test_who_listens_at_all_addresses_has_taken_every_one(everywhere: str) -> None:
    assert taken("127.16.0.1", PORT, frozenset({(everywhere, PORT)}))
    assert not taken("127.16.0.1", PORT, frozenset({(everywhere, PORT + 1), ("127.16.0.2", PORT)}))


def test_more_units_than_the_machine_has_memory_for_are_refused() -> None:
    found = wish("applications:\n  memcached: {num_units: 100}\n  haproxy:\n").topology
    need = 100 * charms()["memcached"].memory + charms()["haproxy"].memory
    require_memory(found, set(), need * MEBIBYTE)
    with pytest.raises(NoMemory) as refused:
        require_memory(found, set(), need * MEBIBYTE - 1)
    assert f"needs {need} MiB" in refused.value.what
    assert "memcached: 2000 MiB" in refused.value.evidence
    require_memory(found, {f"memcached/{number}" for number in range(99)}, 50 * MEBIBYTE)
