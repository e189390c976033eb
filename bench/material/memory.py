"""The peaks of memory of a program and of the processes that it starts, as the kernel counted them."""

import resource
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SAMPLE_SECONDS = 0.1
"""How often processes are looked for. A peak (VmHWM) is kept by the kernel, so that none is missed in between, save
for what a process does in its last moments."""
_KINDS = {"runner_program.py": "runner", "mariadbd": "mariadbd", "mariadb-dump": "mariadb-dump", "mariadb": "mariadb"}


@dataclass
class Watched:
    """A program that has ended. Memory is resident, in MiB; pages that processes share count for each of them."""

    exit_status: int
    seconds: float
    own: float
    """Peak of the program itself."""
    processor_seconds: float
    """Of the program and of all below it, on all cores; a busy machine makes them few more."""
    others: dict[str, float] = field(default_factory=dict)
    """The largest peak of one process, by kind: ``runner`` (with the commands and APIs that it forks), mariadbd..."""


def run_watched(argv: Sequence[str], directory: Path, log: Path, variables: Mapping[str, str] | None = None) -> Watched:
    """Run a program to its end, with its output in ``log``."""
    began, before = time.monotonic(), _processor_seconds()
    with log.open("wb") as output:
        process = subprocess.Popen(
            argv, cwd=directory, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    own, others = 0.0, dict[str, float]()
    while process.poll() is None:
        own = max(own, _peak(process.pid))
        for pid in _descendants(process.pid):
            kind = _kind(pid)
            others[kind] = max(others.get(kind, 0.0), _peak(pid))
        time.sleep(SAMPLE_SECONDS)
    seconds = time.monotonic() - began
    return Watched(process.returncode, seconds, own, _processor_seconds() - before, others)


def _processor_seconds() -> float:
    """What all processes have used that this one started, directly or not, and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _peak(pid: int) -> float:
    """The most that a process has held, in MiB; 0 when it has gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def _kind(pid: int) -> str:
    """What a process is, by its command line."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "other"
    names = [Path(word).name for word in words[:6]]
    return next((kind for name, kind in _KINDS.items() if name in names), "other")


def _descendants(root: int) -> list[int]:
    """All processes below one, whatever session they are in."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found, ahead = [], [root]
    while ahead:
        children = parents.get(ahead.pop(), [])
        found += children
        ahead += children
    return found
