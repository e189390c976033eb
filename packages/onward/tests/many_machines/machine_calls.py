"""Calls of ``onward hosts`` with an inventory of machines at addresses of loopback."""

import json
from pathlib import Path
from typing import Any

import pytest
from machines import Machine

from onward.commands.main import run
from onward.hosts.user import own_name

HOSTS = [f"127.0.0.{number}" for number in range(21, 29)]


class Calls:
    """Calls of ``onward hosts`` with an inventory of these machines."""

    def __init__(self, directory: Path, machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
        self.machine = machine
        self._capsys = capsys
        self.inventory = directory / "hosts"
        (directory / "state").mkdir(mode=0o700)
        self.known = directory / "state" / "known_hosts"
        self.state = directory / "state"
        self._state = ["--state-dir", str(directory / "state"), "--cache-dir", str(directory / "cache")]
        key = " ".join((machine.directory / "host_key.pub").read_text().split()[:2])
        self.known.write_text("".join(f"[{host}]:{machine.port} {key}\n" for host in HOSTS))
        self.inventory.write_text(
            f"[all:vars]\nansible_user={own_name()}\nansible_port={machine.port}\n"
            f"ansible_ssh_private_key_file={machine.identity}\n"
            "[first]\n" + "\n".join(HOSTS[:2]) + "\n[others]\n" + "\n".join(HOSTS[2:]) + "\n"
        )

    def plain(self, *words: Any) -> int:
        """The exit status of a call that shows no table."""
        command = ["hosts", words[0], "--inventory", self.inventory, *words[1:]]
        status = run([*self._state, *map(str, command)])
        self.said = self._capsys.readouterr()
        return status

    def __call__(self, *words: Any) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit status, and the rows by machine."""
        command = ["hosts", words[0], "--inventory", self.inventory, "-f", "json", *words[1:]]
        status = run([*self._state, *map(str, command)])
        self.said = self._capsys.readouterr()
        return status, {row["Machine"]: row for row in json.loads(self.said.out or "[]")}
