"""What the workers of one unit know, in one file that all of them have mapped.

Each worker has a slot that only it writes. A record is written by one copy, and carries a checksum: a worker that is
killed in the middle of it leaves a record that nobody takes for one. No reader ever waits for a writer.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import stat
import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from onward_service.observation import Observation, Status

SLOTS = 64
RECORDS = 32
_FAMILY = b"onward-health-"
_MAGIC = _FAMILY + b"1\n"
_PAGE = 4096
_HEAD = struct.Struct("<QQd")  # process, its start in ticks, when the slot was claimed
_HEAD_SIZE = 64
_RECORD = struct.Struct("<Bxxxddddd48s128s")  # status, at, latency, uses, losses, usual, reason, component
_CHECKSUM = struct.Struct("<I")
_RECORD_SIZE = _CHECKSUM.size + _RECORD.size
_SLOT_SIZE = _HEAD_SIZE + RECORDS * _RECORD_SIZE
_SIZE = _PAGE + SLOTS * _SLOT_SIZE


class StateFileUnusable(Exception):
    """The file of a unit's state cannot be used: not a file, another user's, or not writable."""


class Board:
    """The state that the workers of a unit share. ``path`` None: among workers that were forked after this."""

    def __init__(self, path: Path | None) -> None:
        """Raises StateFileUnusable."""
        self._file = _temporary() if path is None else _opened(path)
        self._map = mmap.mmap(self._file, _SIZE)
        self._slot: int | None = None

    def claim(self, now: float) -> bool:
        """Have a slot for this process. False where another is just claiming one, or where all are in use.

        Called again later then. No lock is held afterwards, and a process that dies in here holds none either.
        """
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        try:
            self._slot = self._free()
            if self._slot is None:
                return False
            begin = _PAGE + self._slot * _SLOT_SIZE
            self._map[begin : begin + _SLOT_SIZE] = bytes(_SLOT_SIZE)
            pid = os.getpid()
            self._map[begin : begin + _HEAD.size] = _HEAD.pack(pid, started(pid) or 0, now)
            return True
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN)

    def release(self) -> None:
        """Forget the slot: it is the parent's, after a fork."""
        self._slot = None

    def write(self, number: int, observation: Observation) -> None:
        """Put an observation into a record of this worker's slot; nothing where it has none."""
        if self._slot is None:
            return
        content = _RECORD.pack(
            observation.status,
            observation.at,
            observation.latency,
            observation.uses,
            observation.losses,
            observation.usual,
            observation.reason.encode()[:48],
            observation.component.encode()[:128],
        )
        begin = _PAGE + self._slot * _SLOT_SIZE + _HEAD_SIZE + number * _RECORD_SIZE
        self._map[begin : begin + _RECORD_SIZE] = _CHECKSUM.pack(zlib.crc32(content)) + content

    def read(self) -> list[Observation]:
        """Everything that every worker has written, of the dead ones as well."""
        return _read(self._map)

    def _free(self) -> int | None:
        """A slot that nobody has had, or else the one whose dead owner claimed it longest ago."""
        claimed = {slot: alive for slot, _, alive in _claimed(self._map)}
        for slot in range(SLOTS):
            if slot not in claimed:
                return slot
        dead = [slot for slot, alive in claimed.items() if not alive]
        return min(dead, key=lambda slot: _HEAD.unpack_from(self._map, _PAGE + slot * _SLOT_SIZE)[2], default=None)


def noted(path: Path) -> list[Observation]:
    """What the workers of a unit have written, read from outside: of workers that answer nobody as well.

    Raises StateFileUnusable; the file is never made or changed.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            content = file.read(_SIZE + 1)
    except OSError as error:
        raise StateFileUnusable(f"{path}: {error.strerror}") from None
    if len(content) != _SIZE or not content.startswith(_MAGIC):
        raise StateFileUnusable(f"{path}: not a file of this version")
    return _read(content)


def _read(content: mmap.mmap | bytes) -> list[Observation]:
    return [found for slot, pid, alive in _claimed(content) for found in _slot_content(content, slot, pid, alive)]


def _slot_content(whole: mmap.mmap | bytes, slot: int, pid: int, alive: bool) -> Iterator[Observation]:
    begin = _PAGE + slot * _SLOT_SIZE + _HEAD_SIZE
    content = whole[begin : begin + RECORDS * _RECORD_SIZE]
    for offset in range(0, len(content), _RECORD_SIZE):
        (checksum,) = _CHECKSUM.unpack_from(content, offset)
        record = content[offset + _CHECKSUM.size : offset + _RECORD_SIZE]
        if checksum == 0 and not any(record[:16]):
            return
        if zlib.crc32(record) != checksum:
            continue
        status, at, latency, uses, losses, usual, reason, component = _RECORD.unpack(record)
        try:
            yield Observation(
                component=component.rstrip(b"\0").decode(errors="replace"),
                status=Status(status),
                at=at,
                latency=latency,
                usual=usual,
                uses=int(uses),
                losses=int(losses),
                reason=reason.rstrip(b"\0").decode(errors="replace"),
                worker=pid,
                alive=alive,
            )
        except (ValueError, OverflowError):
            continue


def _claimed(content: mmap.mmap | bytes) -> Iterator[tuple[int, int, bool]]:
    for slot in range(SLOTS):
        pid, start, _ = _HEAD.unpack_from(content, _PAGE + slot * _SLOT_SIZE)
        if pid:
            yield slot, pid, started(pid) == start


def started(pid: int) -> int | None:
    """When a process began, in clock ticks since boot; None where there is none. See proc(5)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The name of the program is in brackets and may hold anything.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in b"ZX" else int(fields[19])


def _temporary() -> int:
    """A file without a name and on no disk, which processes that are forked share."""
    descriptor = os.memfd_create("onward-health", os.MFD_CLOEXEC)
    os.ftruncate(descriptor, _SIZE)
    return descriptor


def _opened(path: Path) -> int:
    """The unit's file, made where it is not there, and made anew where another version wrote it."""
    for _ in range(10):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            _made(path)
            continue
        except OSError as error:
            raise StateFileUnusable(f"{path}: {error.strerror}") from None
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            os.close(descriptor)
            raise StateFileUnusable(f"{path}: not a file of this user")
        begins = os.pread(descriptor, len(_MAGIC), 0)
        if found.st_size == _SIZE and begins == _MAGIC:
            return descriptor
        os.close(descriptor)
        if begins and not begins.startswith(_FAMILY):
            raise StateFileUnusable(f"{path}: holds something else, which would be lost")
        _made(path)
    raise StateFileUnusable(f"{path}: something else keeps changing it")


def _made(path: Path) -> None:
    """Put a new, empty file there in one go. Workers that use an old one go on with that."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise StateFileUnusable(f"{path}: {error.strerror}") from None
    try:
        # All of it now: the kernel ends a process that writes into a hole of a mapped file when the disk is full.
        os.posix_fallocate(descriptor, 0, _SIZE)
        os.pwrite(descriptor, _MAGIC, 0)
        os.replace(name, path)
    except OSError as error:
        os.unlink(name)
        raise StateFileUnusable(f"{path}: {error.strerror}") from None
    finally:
        os.close(descriptor)
