"""What this machine has: disk space. Read only."""

import shutil
from pathlib import Path

from onward.errors import NoDiskSpace


def free_bytes(path: Path) -> int:
    """Bytes that an unprivileged writer may still use where ``path`` is or will be."""
    there = path
    while not there.exists():
        there = there.parent
    return shutil.disk_usage(there).free


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
