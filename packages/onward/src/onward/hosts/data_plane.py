"""A data plane to watch where there is none: two network namespaces of this machine, joined, and pings between them."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onward.hosts.command import run_command
from onward.hosts.guard import GuardedProcess, guarded

_PROGRAM = Path(__file__).with_name("ping_program.py")
_PROGRAMS = ("unshare", "nsenter", "ip")
_END_SECONDS = 10.0


@dataclass(frozen=True)
class Pinged:
    """What came back so far."""

    sent: int
    lost: int
    longest_seconds: float
    """The longest time from a ping that was lost to the next that was not."""


def why_not() -> str:
    """Why no namespaces can be made here; empty where they can."""
    if missing := [program for program in _PROGRAMS if shutil.which(program) is None]:
        return f"{', '.join(missing)} is not there"
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    made = run_command(["unshare", "--net", "true"], timeout_seconds=_END_SECONDS)
    return "" if made.exit_status == 0 else f"no network namespace can be made: {made.tail()}"


def pinged(report: Path) -> Pinged | None:
    """What a report says; None while there is none."""
    try:
        return Pinged(**json.loads(report.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


@contextmanager
def pinging(report: Path, log: Path) -> Iterator[GuardedProcess]:
    """Have pings go from one namespace to the other for as long as the block runs. Nothing of them outlives Onward."""
    report.unlink(missing_ok=True)
    with guarded(["unshare", "--net", sys.executable, "-I", "-S", _PROGRAM, report], log) as process:
        yield process


def end(process: GuardedProcess) -> None:
    """Have it write its last report and end."""
    if process.alive():
        os.kill(process.pid, signal.SIGTERM)
        process.wait(_END_SECONDS)
