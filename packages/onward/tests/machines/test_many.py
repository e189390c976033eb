"""The same on many machines: real sshd's, one that hangs, one with another key, one that is not there."""

import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from machines import Machine
from onward.commands.main import run
from onward.hosts.user import own_name

HOSTS = [f"127.0.0.{number}" for number in range(21, 29)]


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
        ForceCommand=f'set -- $SSH_CONNECTION; cd {machine.state}/$3 && eval "$SSH_ORIGINAL_COMMAND"',
    )
    yield machine
    machine.stop()


class Calls:
    """Calls of ``onward hosts`` with an inventory of these machines."""

    def __init__(self, directory: Path, machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
        self.machine = machine
        self._capsys = capsys
        self.inventory = directory / "hosts"
        (directory / "state").mkdir(mode=0o700)
        self.known = directory / "state" / "known_hosts"
        self._state = ["--state-dir", str(directory / "state"), "--cache-dir", str(directory / "cache")]
        key = " ".join((machine.directory / "host_key.pub").read_text().split()[:2])
        self.known.write_text("".join(f"[{host}]:{machine.port} {key}\n" for host in HOSTS))
        self.inventory.write_text(
            f"[all:vars]\nansible_user={own_name()}\nansible_port={machine.port}\n"
            f"ansible_ssh_private_key_file={machine.identity}\n"
            "[first]\n" + "\n".join(HOSTS[:2]) + "\n[others]\n" + "\n".join(HOSTS[2:]) + "\n"
        )

    def __call__(self, *words: Any) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit status, and the rows by machine."""
        command = ["hosts", words[0], "--inventory", self.inventory, "-f", "json", *words[1:]]
        status = run([*self._state, *map(str, command)])
        self.said = self._capsys.readouterr()
        return status, {row["Machine"]: row for row in json.loads(self.said.out or "[]")}


@pytest.fixture
def hosts(tmp_path: Path, sshd: Machine, capsys: pytest.CaptureFixture[str]) -> Calls:
    return Calls(tmp_path, sshd, capsys)


def test_a_command_is_run_everywhere_and_its_output_is_told(hosts: Calls) -> None:
    status, rows = hosts("run", "--", "sh", "-c", "pwd; echo 'two words' >&2")
    assert status == 0
    assert {name: row["Output"] for name, row in rows.items()} == {
        host: f"{hosts.machine.state}/{host}\n" for host in HOSTS
    }
    assert "8 of 8 done" in hosts.said.err
    status, rows = hosts("run", "--on", "first", "--", "sh", "-c", "echo why >&2; exit 3")
    assert status == 1
    assert {(row["State"], row["Exit"], row["Output"]) for row in rows.values()} == {("failed", 3, "why\n")}
    assert list(rows) == HOSTS[:2]


def test_a_file_is_copied_once_and_whole(hosts: Calls, tmp_path: Path) -> None:
    file = tmp_path / "script.sh"
    file.write_bytes(b"#!/bin/sh\necho it ran\nexit\n" + os.urandom(300_000))
    status, rows = hosts("run", "--put", file, "--to", "script.sh", "--", "sh", "./script.sh")
    assert status == 0
    assert {(row["File"], row["Output"]) for row in rows.values()} == {("changed", "it ran\n")}
    assert (hosts.machine.state / HOSTS[3] / "script.sh").read_bytes() == file.read_bytes()
    status, rows = hosts("copy", file, "script.sh")
    assert {row["File"] for row in rows.values()} == {"unchanged"}
    status, rows = hosts("copy", "--mode", "640", file, "script.sh")
    assert {row["File"] for row in rows.values()} == {"changed"}
    assert {(hosts.machine.state / host / "script.sh").stat().st_mode & 0o777 for host in HOSTS} == {0o640}
    assert [path.name for path in (hosts.machine.state / HOSTS[0]).iterdir()] == ["script.sh"]
    status, rows = hosts("copy", file, "no/such/place")
    assert (status, {row["State"] for row in rows.values()}) == (1, {"failed"})


def test_machines_that_hang_or_are_not_who_they_were_hold_up_no_other(hosts: Calls) -> None:
    with socket.socket() as deaf:
        # It takes connections and never says a word.
        deaf.bind(("127.0.0.40", hosts.machine.port))
        deaf.listen()
        with hosts.inventory.open("a") as inventory:
            inventory.write("127.0.0.40\n127.0.0.41\nslow ansible_host=127.0.0.21\n")
        other = hosts.machine.directory / "other_key"
        shutil.copy(hosts.machine.directory / "id_ed25519.pub", other)
        lines = hosts.known.read_text().splitlines()
        wrong = " ".join(other.read_text().split()[:2])
        lines[1] = f"[{HOSTS[1]}]:{hosts.machine.port} {wrong}"
        hosts.known.write_text("\n".join(lines) + "\n")
        status, rows = hosts("run", "--at-once", 4, "--timeout", 4, "--", "true")
    assert status == 1
    states = {name: row["State"] for name, row in rows.items()}
    assert states == {
        **dict.fromkeys(HOSTS, "done"),
        HOSTS[1]: "unreachable",
        "127.0.0.40": "unreachable",
        "127.0.0.41": "unreachable",
        "slow": "done",
    }
    assert "OW931" in rows[HOSTS[1]]["Output"]
    assert "OW930" in rows["127.0.0.40"]["Output"]
    assert rows["127.0.0.40"]["Seconds"] >= 4
    assert max(row["Seconds"] for name, row in rows.items() if states[name] == "done") < rows["127.0.0.40"]["Seconds"]


def test_a_command_that_takes_too_long_is_given_up_alone(hosts: Calls) -> None:
    script = f"case $PWD in */{HOSTS[2]}) exec sleep 60;; esac; echo quick"
    status, rows = hosts("run", "--timeout", 4, "--", "sh", "-c", script)
    assert status == 1
    assert [name for name, row in rows.items() if row["State"] != "done"] == [HOSTS[2]]
    assert "not done within 4 s" in rows[HOSTS[2]]["Output"]
