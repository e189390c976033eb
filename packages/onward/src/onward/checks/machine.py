"""What this machine has left, and whether that is enough. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from onward.checks.finding import Finding, Result, unclear

LITTLE_BYTES = 1_000_000_000
"""A day of logs of a busy service: time to look after it."""
NOTHING_BYTES = 100_000_000
"""Logs and evidence of one run. Below that, databases and services on the same disk are about to stop as well."""
NOTHING_FILES = 1000


@dataclass(frozen=True)
class FileSystem:
    """Where a directory is, or will be."""

    purpose: str
    """Whose directory it is: ``runs``, ``logs of keystone``."""
    path: str
    size: int = 0
    """Bytes."""
    free: int = 0
    """Bytes that somebody who is not root may still use."""
    free_files: int | None = None
    """How many more files there may be; None: it does not count them."""
    read_only: bool = False
    unseen: str = ""
    """Why it could not be looked at."""


@dataclass(frozen=True)
class Machine:
    """What this machine has left."""

    file_systems: tuple[FileSystem, ...]
    memory: int | None
    """Bytes that a new process may still use without anything being swapped out; None: it is not said."""
    memory_of: str = ""
    """What bounds it: ``this machine``, or the control group with its path."""
    largest_file: int | None = None
    """Bytes (ulimit -f); None: without a bound."""


@dataclass(frozen=True)
class MachineNeeds:
    """What will be needed of it."""

    releases: int = 1
    """How many releases' code is in memory at once."""
    release_bytes: int = 0
    """What one of them takes."""
    file_bytes: int = 0
    """The largest file that will be written: the backup of a database."""


def machine_findings(seen: Machine, needs: MachineNeeds) -> Iterator[Finding]:
    """Whether there is room on its disks and in memory, and whether files may become as large as they have to."""
    yield from _disks(seen.file_systems)
    yield _memory(seen, needs)
    yield _largest_file(seen, needs)


def _disks(file_systems: Sequence[FileSystem]) -> Iterator[Finding]:
    well = []
    for each in file_systems:
        where = f"{each.purpose} in {each.path}"
        see = f"df -h {each.path}; du -xh {each.path} | sort -h | tail"
        if each.unseen:
            yield unclear("disk", f"{where}: {each.unseen}", f"ls -ld {each.path}", each.path)
        elif each.read_only:
            why = f"{where}: the file system can only be read; its disk may have failed"
            yield Finding("disk", "fail", why, f"findmnt -T {each.path}; journalctl -k -n 50", each.path)
        elif each.free_files is not None and each.free_files < NOTHING_FILES:
            why = f"{where}: {each.free_files} more files may be made, whatever room there is"
            yield Finding("disk", "fail", why, f"df -i {each.path}; remove what are many small files", each.path)
        elif each.free < LITTLE_BYTES:
            result: Result = "fail" if each.free < NOTHING_BYTES else "warn"
            why = f"{where}: {size(each.free)} of {size(each.size)} are free"
            yield Finding("disk", result, why, f"free some space: {see}", each.path)
        else:
            well.append(f"{where}: {size(each.free)} free")
    if well:
        yield Finding("disk", "pass", "; ".join(well))


def _memory(seen: Machine, needs: MachineNeeds) -> Finding:
    if seen.memory is None:
        return Finding("memory", "not-checked", "the system does not say how much there is")
    needed = needs.releases * needs.release_bytes
    there = f"{size(seen.memory)} are left to {seen.memory_of}"
    if seen.memory >= needed:
        return Finding("memory", "pass", there)
    releases = "the code of one release" if needs.releases == 1 else f"the code of {needs.releases} releases at once"
    details = f"{there}, and {releases} takes {size(needed)}"
    return Finding(
        "memory", "fail", details, "see what has it: ps -eo rss,pid,args --sort=-rss | head; or go in two steps"
    )


def _largest_file(seen: Machine, needs: MachineNeeds) -> Finding:
    name = "file size limit"
    if seen.largest_file is None:
        return Finding(name, "pass", "there is none")
    limit = f"no file may be larger than {size(seen.largest_file)} (ulimit -f)"
    if seen.largest_file < needs.file_bytes:
        details = f"{limit}, and the backup of a database may take {size(needs.file_bytes)}"
        return Finding(name, "fail", details, "ulimit -f unlimited, or raise fsize in /etc/security/limits.conf")
    return Finding(name, "pass", limit)


def size(number: int) -> str:
    """Bytes, as people say them."""
    return f"{number / 1e9:.1f} GB" if number >= 1e8 else f"{number / 1e6:.1f} MB"
