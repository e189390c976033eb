"""A file to which whole lines are added, each on the disk when it is said to be."""

import os
from collections.abc import Iterator
from pathlib import Path

from onward.hosts.private_file import make_private


def add_line(path: Path, text: str) -> None:
    """Add a line; several processes may do so at once. What a power cut left half written becomes a line of its own.

    Raises OSError.
    """
    make_private(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        whole = not size or os.pread(descriptor, 1, size - 1) == b"\n"
        os.write(descriptor, (b"" if whole else b"\n") + text.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lines_of(path: Path) -> Iterator[str]:
    """The lines that were added, without one that is not whole; none where there is no such file."""
    if path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace")
        yield from (line for line in text.split("\n")[:-1] if line)
