"""The same on many machines: real sshd's, one that hangs, one with another key, one that is not there."""

import asyncio
import os
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest
from machine_calls import HOSTS, Calls

from onward.hosts.ssh import begun_in_background


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
    left = {path.name for path in (hosts.machine.state / HOSTS[0]).iterdir() if path.name.startswith("script.sh")}
    assert left == {"script.sh"}
    status, rows = hosts("copy", file, "no/such/place")
    assert (status, {row["State"] for row in rows.values()}) == (1, {"failed"})
    status, rows = hosts("run", "--put", file, "--to", "no/such/place", "--", "touch", "begun")
    assert (status, {(row["State"], row["File"]) for row in rows.values()}) == (1, {("failed", "")})
    (hosts.machine.state / HOSTS[0] / "place").mkdir()
    status, rows = hosts("copy", file, "place")
    assert {name for name, row in rows.items() if "place is a directory" in row["Output"]} == {HOSTS[0]}
    assert not list((hosts.machine.state / HOSTS[0] / "place").iterdir())
    assert not (hosts.machine.state / HOSTS[0] / "begun").exists()


def test_names_that_a_shell_would_take_apart_are_written_as_they_are(hosts: Calls, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("content\n")
    file.chmod(0o640)
    for name in ("-n", "a b", "back\\slash", "quote'd", "two\nlines"):
        assert hosts("copy", "--on", HOSTS[0], file, f"./{name}")[0] == 0
        status, rows = hosts("copy", "--on", HOSTS[0], file, f"./{name}")
        assert (status, rows[HOSTS[0]]["File"]) == (0, "unchanged"), name
        assert (hosts.machine.state / HOSTS[0] / name).read_text() == "content\n"


def test_what_is_put_there_is_private_until_it_is_whole_and_the_command_has_the_users_own_mask(
    hosts: Calls, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("content\n")
    wanted = ["run", "--on", HOSTS[0]]
    usual = hosts(*wanted, "--", "sh", "-c", "umask")[1][HOSTS[0]]["Output"]
    told = hosts(*wanted, "--put", file, "--to", "masked", "--", "sh", "-c", "umask; cat; echo end")[1][HOSTS[0]]
    assert (told["File"], told["Output"]) == ("changed", f"{usual}end\n")


def test_several_commands_run_in_turn_on_each_machine_until_one_fails(hosts: Calls, tmp_path: Path) -> None:
    commands = tmp_path / "commands"
    commands.write_text(
        f"# three, and one that fails somewhere\nsh -c 'echo one >>said'\n\n"
        f"sh -c 'case $PWD in */{HOSTS[1]}) echo no >&2; exit 7;; esac'\nsh -c 'echo three >>said; cat said'\n"
    )
    status, rows = hosts("run", "--on", "first", "--commands", commands)
    assert status == 1
    good, bad = (rows[host] for host in HOSTS[:2])
    assert (good["State"], good["Exit"], good["Output"]) == ("done", 0, "one\nthree\n")
    assert (bad["State"], bad["Exit"], bad["Output"]) == ("failed", 7, "no\n")
    assert bad["Command"].startswith("sh -c 'case $PWD")
    assert (hosts.machine.state / HOSTS[1] / "said").read_text() == "one\n"
    file = tmp_path / "file"
    file.write_text("content\n")
    commands.write_text("cat shown\ncat shown\n")
    status, rows = hosts("run", "--on", "first", "--put", file, "--to", "shown", "--commands", commands)
    assert {(row["File"], row["Output"]) for row in rows.values()} == {("changed", "content\ncontent\n")}


def test_what_is_to_be_run_is_said_once_and_can_be_read(
    hosts: Calls, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = tmp_path / "commands"

    def refused(*words: str) -> str:
        with pytest.raises(SystemExit, match="2"):
            hosts.plain("run", *words)
        return capsys.readouterr().err

    for text, says in [("true\n'open\n", "line 2"), ("# nothing\n", "no command")]:
        commands.write_text(text)
        assert says in refused("--commands", str(commands))
    commands.write_text("true\n")
    assert "what is to be run" in refused("--commands", str(commands), "--", "true")
    assert "what is to be run" in refused()


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
        status, rows = hosts("run", "--at-once", 4, "--timeout", 8, "--", "true")
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
    assert rows["127.0.0.40"]["Seconds"] >= 8
    assert max(row["Seconds"] for name, row in rows.items() if states[name] == "done") < rows["127.0.0.40"]["Seconds"]


def test_a_command_that_takes_too_long_is_given_up_alone(hosts: Calls) -> None:
    script = f"case $PWD in */{HOSTS[2]}) exec sleep 60;; esac; echo quick"
    status, rows = hosts("run", "--timeout", 8, "--", "sh", "-c", script)
    assert status == 1
    assert [name for name, row in rows.items() if row["State"] != "done"] == [HOSTS[2]]
    assert "not done within 8 s" in rows[HOSTS[2]]["Output"]


def test_a_program_that_has_ended_before_its_input_was_sent_is_told_as_it_ended(hosts: Calls, tmp_path: Path) -> None:
    """Whoever is busy hears of its beginning and its end at once; the machine was there all the while."""
    file = tmp_path / "file"
    file.write_text("content\n")
    done = threading.Event()

    async def busy() -> None:
        while not done.is_set():
            time.sleep(0.05)
            await asyncio.sleep(0)

    background = begun_in_background(busy())
    try:
        status, rows = hosts("copy", file, "no/such/place")
    finally:
        done.set()
        background.result()
    assert status == 1
    assert {row["State"] for row in rows.values()} == {"failed"}, rows
    assert all("no/such/place" in row["Output"] for row in rows.values())


def test_a_program_that_reads_finds_nothing_to_read(hosts: Calls) -> None:
    status, rows = hosts("run", "--timeout", 20, "--", "cat")
    assert (status, {(row["State"], row["Output"]) for row in rows.values()}) == (0, {("done", "")})


def test_a_machine_that_is_lost_is_no_program_that_failed(hosts: Calls) -> None:
    # The sshd of this connection: the parent of the shell that runs every command.
    script = "read -r _ _ _ sshd _ </proc/$PPID/stat; kill -9 $sshd; sleep 60"
    status, rows = hosts("run", "--on", HOSTS[0], "--timeout", 20, "--", "sh", "-c", script)
    assert (status, rows[HOSTS[0]]["State"]) == (1, "unreachable"), rows
    assert "the connection ended before the program did" in rows[HOSTS[0]]["Output"]
