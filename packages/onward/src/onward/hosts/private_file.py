"""Files for their owner only that are either the old or the new ones, whatever happens in between."""

import os
from pathlib import Path

from onward.hosts.fence import FENCE


def write_private(path: Path, text: str) -> None:
    """Write a file whole, mode 0600; directories that are missing are made, mode 0700. Raises OSError, LeaseLost."""
    FENCE.require()
    make_private(path.parent)
    # Always of this name: what a killed process has left is written over.
    unfinished = path.with_name(f".{path.name}.new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def make_private(directory: Path) -> None:
    """Make a directory and all above it that are missing, for their owner only. Raises OSError."""
    if not directory.is_dir():
        make_private(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)


def write_lasting(path: Path, text: str) -> None:
    """The same, and that there is such a file is on the disk as well when this returns. Raises OSError."""
    write_private(path, text)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
