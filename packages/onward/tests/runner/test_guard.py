"""A guarded program never outlives its owner."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from onward.hosts.guard import guarded

OWNER = """
import sys, time
from pathlib import Path
from onward.hosts.guard import guarded
with guarded([sys.executable, "-c", "import time; time.sleep(600)"], Path(sys.argv[1]), stop_timeout=5) as program:
    bystander = __import__("subprocess").Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(program.pid, bystander.pid, flush=True)
    time.sleep(600)
"""

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""

POLITE = """
import signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit("asked"))
print("up", flush=True)
signal.pause()
"""


def exists(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not yet waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_the_program_is_gone_soon_after_its_owner_was_killed(tmp_path: Path) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, tmp_path / "log"], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout as output:
        program, bystander = (int(word) for word in output.readline().split())
        assert exists(program)
        owner.kill()
        owner.wait()
    try:
        # Another child of the owner lives on; had it inherited the pipe, the program would too.
        assert exists(bystander)
        assert eventually(lambda: not exists(program))
    finally:
        os.kill(bystander, signal.SIGKILL)


def test_the_program_is_gone_when_its_watchdog_was_killed(tmp_path: Path) -> None:
    with guarded([sys.executable, "-c", "import time; time.sleep(600)"], tmp_path / "log") as program:
        parent = int(Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(parent, signal.SIGKILL)
        assert eventually(lambda: not exists(program.pid))
        assert eventually(lambda: not program.alive())


def test_a_program_that_ignores_the_request_to_stop_is_killed_with_its_children(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with guarded([sys.executable, "-c", STUBBORN], log, stop_timeout=0.3) as program:
        assert eventually(lambda: log.read_text().endswith("\n"))
        child = int(log.read_text())
        assert exists(child)
        assert program.alive()
    assert not exists(program.pid)
    assert eventually(lambda: not exists(child))


def test_a_program_is_asked_with_the_signal_that_was_chosen(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with guarded([sys.executable, "-c", POLITE], log, stop_signal=signal.SIGINT) as program:
        assert eventually(lambda: log.read_text().endswith("\n"))
    assert program.exit_status() == 1
    assert program.tail(1) == "asked"
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_end_of_a_program_is_noticed(tmp_path: Path) -> None:
    with guarded([sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log") as program:
        assert eventually(lambda: not program.alive())
        assert program.exit_status() == 3


def test_a_program_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(FileNotFoundError, match="no-such-program"),
        guarded([tmp_path / "no-such-program"], tmp_path / "log"),
    ):
        pass
