"""The tutorial, typed into a terminal as it stands."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from onward.hosts.state import default_directories

PAGE = Path(__file__).parents[4] / "docs" / "tutorial" / "first-rehearsal.md"
APPLY = "onward apply plan.json"
DEADLINE_SECONDS = 900.0

pytestmark = [pytest.mark.full, pytest.mark.environments, pytest.mark.timeout(3600)]


class Terminal:
    """A shell on a terminal of 80 columns, and somebody who types."""

    def __init__(self, home: Path) -> None:
        ours, theirs = pty.openpty()
        variables = {
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ONWARD_CACHE_DIR": str(default_directories().cache),
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")),
            "TERM": "dumb",
            "PS1": "",
            "LC_ALL": "C.UTF-8",
        }
        self._terminal = ours
        self._shell = subprocess.Popen(
            ["setsid", "--ctty", "bash", "--noprofile", "--norc", "-i"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=variables,
            cwd=home,
        )
        os.close(theirs)
        self.type("stty -echo cols 80")

    def close(self) -> None:
        os.close(self._terminal)
        self._shell.wait(60)

    def type(self, words: str) -> None:
        os.write(self._terminal, words.encode() + b"\n")

    def press_ctrl_c(self) -> None:
        os.write(self._terminal, b"\x03")

    def read_until(self, pattern: str) -> str:
        """Everything that was written up to the first place that the pattern fits."""
        seen, deadline = "", time.monotonic() + DEADLINE_SECONDS
        while not (found := re.search(pattern, seen)):
            ready, _, _ = select.select([self._terminal], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, f"{pattern} did not come: {seen[-2000:]}"
            seen += os.read(self._terminal, 65536).decode(errors="replace").replace("\r\n", "\n")
        return seen[: found.end()]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    found = Terminal(tmp_path)
    yield found
    found.close()


def commands_after(heading: str) -> list[str]:
    """What the page tells to type below this heading and all that follow."""
    return re.findall(r"^\$ (.+)$", PAGE.read_text(encoding="utf-8").partition(heading)[2], re.M)


def test_a_reader_who_types_every_command_gets_to_the_end(
    terminal: Terminal, environment_choice: Callable[[str], object]
) -> None:
    for series in ("2024.1", "2024.2", "2025.1", "2025.2", "2026.1", "2026.2"):
        environment_choice(series)
    commands = commands_after("\n## 4.")
    assert commands.count(APPLY) == 2
    said: dict[str, str] = {}
    for number, command in enumerate(commands):
        interrupted = command == APPLY and "runs resume" in "".join(commands[number + 1 : number + 2])
        terminal.type(f"{command}; echo ended with $?.")
        if command == APPLY or " restore " in command:
            terminal.read_until(r"to go on: ")
            terminal.type("practice")
        if interrupted:
            terminal.read_until(r"the run begins")
            terminal.press_ctrl_c()
        said[command] = terminal.read_until(r"ended with \d+\.\n")
        expected = 130 if interrupted else 0
        assert said[command].endswith(f"ended with {expected}.\n"), f"{command}: {said[command]}"
    assert "The database of keystone is at 2026.2." in said[commands[-1]]
    refused = next(text for command, text in said.items() if "exit status" in command)
    assert "OW401" in refused
    assert "exit status 6" in refused
