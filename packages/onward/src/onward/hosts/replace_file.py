"""Files that are either the old ones or the new ones, whatever happens in between."""

import os
from contextlib import suppress
from pathlib import Path


def write_whole(path: Path, text: str, like: Path) -> None:
    """Write a file at once, with the mode of another and, where this process may, its owner. Raises OSError.

    The half-written one has a hidden name, because oslo.policy reads every other file of a policy.d.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    told = like.stat()
    try:
        with unfinished.open("x", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
            file.flush()
            with suppress(PermissionError):
                os.fchown(file.fileno(), told.st_uid, told.st_gid)
            os.fchmod(file.fileno(), told.st_mode & 0o7777)
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def kept_beside(path: Path) -> Path:
    """A name for the old text of a file that nobody reads by accident, and that is free: ``.policy.yaml.before``."""
    wanted = path.with_name(f".{path.name}.before")
    number = 1
    while wanted.exists():
        number += 1
        wanted = path.with_name(f".{path.name}.before-{number}")
    return wanted
