"""What the kernel does with a process of this machine: lets it run, holds it, keeps it within a limit."""

from dataclasses import dataclass
from pathlib import Path

import psutil

HIERARCHIES = (("cpu", Path("/sys/fs/cgroup/cpu")), ("", Path("/sys/fs/cgroup")))
"""By controller, where control groups are: version 1, then 2 (cgroups(7))."""


@dataclass(frozen=True)
class Limit:
    """How often a control group of processes had its share of the processor used up."""

    periods: int
    """In which any of them wanted to run."""
    used_up: int
    """In which they had to wait for the next one."""


def of_process(pid: int) -> tuple[psutil.Process, ...]:
    """It, and all that it has begun; nothing where it is gone."""
    try:
        process = psutil.Process(pid)
        return (process, *process.children(recursive=True))
    except psutil.Error:
        return ()


def halted(processes: tuple[psutil.Process, ...]) -> bool:
    """Whether somebody holds it and all its workers: they run no more, and have not ended (T in proc(5)).

    ``processes``: one that was begun for itself, then what it began; of those the ones with its name are its workers.
    """
    try:
        workers = [each for each in processes[1:] if each.name() == processes[0].name()]
        return bool(processes) and all(each.status() == psutil.STATUS_STOPPED for each in (processes[0], *workers))
    except psutil.Error:
        return False


def limited_group(pid: int) -> Path | None:
    """The directory of the control group that limits its share of the processor; None: nothing that is known."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for controller, root in HIERARCHIES:
        for line in lines:
            _, controllers, path = line.split(":", 2)
            if controller in controllers.split(",") and path != "/":
                group = root / path.lstrip("/")
                if _is_limited(group):
                    return group
    return None


def _is_limited(group: Path) -> bool:
    for name, unlimited in (("cpu.cfs_quota_us", "-1"), ("cpu.max", "max")):
        try:
            return (group / name).read_text(encoding="ascii").split()[0] != unlimited
        except (OSError, IndexError):
            continue
    return False


def limit(group: Path) -> Limit:
    """What its cpu.stat says; zeros where it cannot be read."""
    try:
        lines = (group / "cpu.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    counted = {name: int(number) for name, _, number in (each.partition(" ") for each in lines) if number.isdecimal()}
    return Limit(counted.get("nr_periods", 0), counted.get("nr_throttled", 0))
