"""What this machine has: disk space, memory, and the limits that are set on its use. Read only."""

import os
import re
import resource
import shutil
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from onward.checks.machine import FileSystem, Machine
from onward.errors import NoDiskSpace

_PROC = Path("/proc")
_GROUPS = Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 60
"""What a control group of the first version says where it has no limit is larger."""


def observe_machine(places: Sequence[tuple[str, Path]]) -> Machine:
    """What is left, in each place with its purpose; of several on one file system only the first. Raises nothing."""
    found: dict[object, FileSystem] = {}
    for purpose, path in places:
        device, file_system = _file_system(purpose, path)
        found.setdefault(device, file_system)
    memory, whose = _memory()
    soft, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return Machine(tuple(found.values()), memory, whose, None if soft == resource.RLIM_INFINITY else soft)


def is_own(address: str) -> bool:
    """Whether an address or a host's name is one of this machine: only its own can be listened at."""
    try:
        found = socket.getaddrinfo(address, 0, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        return False
    for family, kind, protocol, _, where in found:
        with socket.socket(family, kind, protocol) as tried:
            try:
                tried.bind(where)
            except OSError:
                return False
    return True


def free_bytes(path: Path) -> int:
    """Bytes that an unprivileged writer may still use where ``path`` is or will be."""
    return shutil.disk_usage(_existing(path)).free


def require_disk(needed: int, free: int, purpose: str) -> None:
    """Return when there is room. Pure. Raises NoDiskSpace, which says what for."""
    if needed > free:
        raise NoDiskSpace(
            f"There is no room for {purpose}.",
            evidence=f"needed {_gigabytes(needed)}, free {_gigabytes(free)}",
            next_command="free some space, or name other directories with --state-dir and --cache-dir",
        )


def _gigabytes(number: int) -> str:
    return f"{number / 1e9:.1f} GB"


def _existing(path: Path) -> Path:
    return next((each for each in (path, *path.parents) if each.exists()), path)


def _file_system(purpose: str, path: Path) -> tuple[object, FileSystem]:
    """The file system where a path is or will be, and what tells it from others."""
    try:
        there = _existing(path)
        device, said = there.stat().st_dev, os.statvfs(there)
    except OSError as error:
        return path, FileSystem(purpose, str(path), unseen=error.strerror or str(error))
    return device, FileSystem(
        purpose,
        str(path),
        size=said.f_blocks * said.f_frsize,
        free=said.f_bavail * said.f_frsize,
        free_files=said.f_favail if said.f_files else None,
        read_only=bool(said.f_flag & os.ST_RDONLY),
    )


def _memory() -> tuple[int | None, str]:
    """Bytes that are left, and to whom: the machine, or a control group that has less."""
    left: list[tuple[int, str]] = []
    if (machine := re.search(r"^MemAvailable:\s+(\d+) kB", _text(_PROC / "meminfo"), re.M)) is not None:
        left.append((int(machine[1]) * 1024, "this machine"))
    left += [(limit - used, f"the control group {group}") for group, limit, used in _groups()]
    return min(left, default=(None, ""), key=lambda each: each[0] or 0)


def _groups() -> Iterator[tuple[str, int, int]]:
    """The control groups that this process is in and that have a limit: path, limit, and what of it is in use.

    What the kernel could give back, the files that it keeps in memory, does not count as in use.
    """
    for line in _text(_PROC / "self" / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            root, names = _GROUPS / "memory", ("memory.limit_in_bytes", "memory.usage_in_bytes")
        elif not controllers:
            root, names = _GROUPS, ("memory.max", "memory.current")
        else:
            continue
        group = root / path.lstrip("/")
        for each in (group, *group.parents):
            limit, used = (_text(each / name).strip() for name in names)
            if limit.isdigit() and used.isdigit() and int(limit) < _NO_LIMIT:
                kept = re.search(r"^(?:total_)?inactive_file (\d+)", _text(each / "memory.stat"), re.M)
                yield str(each), int(limit), max(0, int(used) - (int(kept[1]) if kept else 0))
            if each == root:
                break


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
