"""The same on many machines: real sshd's, one that hangs, one with another key, one that is not there."""

import os
import shutil
import socket
from pathlib import Path

from machine_calls import HOSTS, Calls


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
