"""The same on many machines at once: each has its own time, and one that hangs holds up no other.

A machine has one connection for all that is done there. So many are at work at once; one that does not answer keeps a
place no longer than its own time limit.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from onward.errors import HostUnreachable, OnwardError
from onward.hosts.command import CommandResult
from onward.hosts.ssh import Host, SshAccess, connect, in_background

AT_ONCE = 64

State = Literal["done", "failed", "unreachable"]

_PUT = """
set -eu
umask 077
new="$1.onward-new.$$"
trap 'rm -f "$new"' EXIT
cat >"$new"
if [ "$(sha256sum "$new" | cut -d" " -f1)" != "$2" ]; then echo "only a part of it came" >&2; exit 90; fi
chmod "$3" "$new"
if [ -f "$1" ] && cmp -s "$new" "$1" && [ "$(stat -c %a "$1")" = "$3" ]; then echo unchanged; exit; fi
mv -f "$new" "$1"
echo changed
"""
"""Writes its input into a file, which is the old or the new one, whatever happens. Arguments: path, digest, mode."""


@dataclass(frozen=True)
class Upload:
    """A file that is put on machines."""

    data: bytes
    destination: str
    mode: str
    """Octal, as chmod takes it."""


@dataclass(frozen=True)
class Answer:
    """What became of one machine."""

    state: State
    seconds: float
    exit_status: int | None = None
    """Of the command, or of what wrote the file; None where the machine was not reached in time."""
    stdout: str = ""
    stderr: str = ""
    changed: bool | None = None
    """Whether the file was another one before; None where none was put there."""


def upload_of(path: Path, destination: str, mode: str | None) -> Upload:
    """A file of this machine. Raises OSError."""
    return Upload(path.read_bytes(), destination, mode or format(path.stat().st_mode & 0o777, "o"))


def everywhere(
    wanted: Mapping[str, SshAccess],
    *,
    upload: Upload | None,
    command: tuple[str, ...],
    seconds: float,
    at_once: int = AT_ONCE,
    heard: Callable[[str, Answer], None] = lambda name, answer: None,
) -> dict[str, Answer]:
    """Put the file on all machines, and run the command there afterwards; either may be missing.

    No machine gets more than ``seconds`` for connecting and all of it. ``heard`` is called with each answer, in a
    thread.
    """

    async def one(name: str, access: SshAccess, room: asyncio.Semaphore) -> Answer:
        async with room:
            began = time.monotonic()
            answer = await _answer(access, upload, command, seconds, began)
        heard(name, answer)
        return answer

    async def all_of_them() -> list[Answer]:
        room = asyncio.Semaphore(at_once)
        return await asyncio.gather(*(one(name, access, room) for name, access in wanted.items()))

    return dict(zip(wanted, in_background(all_of_them()), strict=True))


async def _answer(
    access: SshAccess, upload: Upload | None, command: tuple[str, ...], seconds: float, began: float
) -> Answer:
    try:
        async with asyncio.timeout(seconds):
            host = await connect(access)
    except TimeoutError:
        return _silent(began, f"it did not let us in within {seconds:g} s")
    except OnwardError as error:
        return _unreachable(error, began)
    try:
        left = seconds - (time.monotonic() - began)
        return await asyncio.wait_for(_work(host, upload, command, seconds, began), max(left, 0.1))
    except TimeoutError:
        return _silent(began, f"it was not done within {seconds:g} s; what was begun there may go on")
    except OnwardError as error:
        return _unreachable(error, began)
    finally:
        # Nobody waits for the goodbye of a machine that may not say it.
        host.connection.close()


async def _work(host: Host, upload: Upload | None, command: tuple[str, ...], seconds: float, began: float) -> Answer:
    changed: bool | None = None
    if upload is not None:
        put = await host.run(
            ["/bin/sh", "-c", _PUT, "put", upload.destination, hashlib.sha256(upload.data).hexdigest(), upload.mode],
            stdin=upload.data,
            timeout_seconds=seconds,
        )
        if put.exit_status or not command:
            return _ended(put, began, put.stdout.strip() == "changed")
        changed = put.stdout.strip() == "changed"
    return _ended(await host.run(command, timeout_seconds=seconds), began, changed)


def _ended(result: CommandResult, began: float, changed: bool | None) -> Answer:
    return Answer(
        state="failed" if result.exit_status else "done",
        seconds=time.monotonic() - began,
        exit_status=result.exit_status,
        stdout=result.stdout,
        stderr=result.stderr,
        changed=changed,
    )


def _silent(began: float, what: str) -> Answer:
    return Answer("unreachable", time.monotonic() - began, stderr=f"{HostUnreachable.code}: {what}")


def _unreachable(error: OnwardError, began: float) -> Answer:
    said = f"{error.code}: {error.what} {error.evidence}"
    return Answer("unreachable", time.monotonic() - began, stderr=" ".join(said.split()))
