"""Real machines at addresses of loopback: one sshd, and a directory for each."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from machine_calls import HOSTS, Calls
from machines import Machine


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One sshd at eight addresses; each has a directory of its own."""
    if not Path("/usr/sbin/sshd").exists():
        pytest.skip("sshd is missing: apt-get install openssh-server")
    directory = tmp_path_factory.mktemp("sshd")
    with socket.socket() as taken:
        taken.bind((HOSTS[0], 0))
        port = taken.getsockname()[1]
    machine = Machine(directory / "machine", HOSTS[0], port)
    machine.prepare()
    for host in HOSTS:
        (machine.state / host).mkdir(parents=True)
    machine.start(
        ListenAddress="\nListenAddress ".join(HOSTS),
        # The shell of a session reads no ~/.bashrc: what the developer of this machine has there may take long.
        SetEnv="SHLVL=1",
        ForceCommand=f'set -- $SSH_CONNECTION; cd {machine.state}/$3 && eval "$SSH_ORIGINAL_COMMAND"',
    )
    yield machine
    machine.stop()


@pytest.fixture
def hosts(tmp_path: Path, sshd: Machine, capsys: pytest.CaptureFixture[str]) -> Calls:
    return Calls(tmp_path, sshd, capsys)
