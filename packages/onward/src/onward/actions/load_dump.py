"""Fill the copy from a dump."""

import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

import zstandard
from sqlalchemy import URL

from onward.actions.scratch import scratch_for
from onward.engine.action import Evidence, StepContext
from onward.errors import DumpCorrupt
from onward.hosts.mariadb_client import load
from onward.hosts.scratch import MariadbScratch, SqliteScratch, copy_sqlite
from onward.observe.dump import open_dump

PROGRESS_BYTES = 64 << 20


class LoadDump:
    """``scratch.load``: stream a dump into the scratch database.

    Arguments: ``service``, ``dump`` (path), and its ``size`` and ``modified`` time when it was planned with;
    ``database``, where it is another one than the service's. Evidence: ``bytes`` of SQL, ``seconds``. Repeated after
    having been cut off, it begins with an empty database.
    """

    name = "scratch.load"

    def apply(self, context: StepContext) -> Evidence:
        """Load it. Raises DumpCorrupt, DumpTruncated, DumpLoadFailed."""
        began = time.monotonic()
        path = Path(str(context.step.arguments["dump"]))
        _must_be_the_same(path, context)
        scratch = scratch_for(context)
        scratch.empty()
        beside = context.step.arguments.get("database")
        if beside is not None and isinstance(scratch, MariadbScratch):
            scratch.empty_beside(str(beside))
            taken = _stream(path, scratch.beside(str(beside)), context)
        elif isinstance(scratch, SqliteScratch):
            copy_sqlite(path, scratch.path)
            taken = path.stat().st_size
        else:
            taken = _stream(path, scratch.url, context)
        return {"bytes": taken, "seconds": round(time.monotonic() - began, 3)}


def _stream(path: Path, url: URL, context: StepContext) -> int:
    try:
        with open_dump(path) as stream:
            return load(Reported(stream, context.progress), url)
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        raise DumpCorrupt(f"{path} cannot be read.", evidence=str(error), next_command="make the dump again") from None


class Reported:
    """A stream that tells how far it is."""

    def __init__(self, stream: IO[bytes], progress: Callable[[str], None]) -> None:
        self._stream = stream
        self._progress = progress
        self._taken = 0
        self._told = 0

    def read(self, size: int) -> bytes:
        """Read on."""
        chunk = self._stream.read(size)
        self._taken += len(chunk)
        if self._taken - self._told >= PROGRESS_BYTES:
            self._told = self._taken
            self._progress(f"{self._taken >> 20} MiB of SQL loaded")
        return chunk


def _must_be_the_same(path: Path, context: StepContext) -> None:
    """A dump that changed since it was looked at is another dump."""
    try:
        status = path.stat()
    except OSError as error:
        raise DumpCorrupt(f"{path} cannot be read any more.", evidence=str(error)) from None
    planned = (context.step.arguments["size"], context.step.arguments["modified"])
    if (status.st_size, status.st_mtime) != planned:
        raise DumpCorrupt(
            f"{path} is not the file that was planned with.",
            evidence=f"size and time of modification were {planned}, are {(status.st_size, status.st_mtime)}",
            next_command="begin a new rehearsal",
        )
