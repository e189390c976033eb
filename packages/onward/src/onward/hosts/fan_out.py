"""The same on many machines at once: each has its own time, and one that hangs holds up no other.

A machine has one connection for all that is done there, and what is done there one after the other waits for no other
machine. So many are at work at once; one that does not answer keeps a place no longer than its own time limit.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from onward.errors import HostUnreachable, OnwardError
from onward.hosts.ssh import Host, SshAccess, connect, in_background

AT_ONCE = 64

State = Literal["done", "failed", "unreachable"]

_PUT = r"""
set -eu
path=$1 digest=$2 mode=$3
shift 3
state=$(
  umask 077
  new="$path.onward-new.$$"
  if [ -d "$path" ]; then echo "$path is a directory" >&2; exit 90; fi
  trap 'rm -f -- "$new"' EXIT
  cat >"$new"
  sums=$(sha256sum -- "$new" "$path" 2>/dev/null) || :
  came=${sums#\\}
  if [ "${came%% *}" != "$digest" ]; then echo "only a part of it came" >&2; exit 90; fi
  there=${sums#*
}
  there=${there#\\}
  if [ "$there" != "$came" ] && [ "${there%% *}" = "$digest" ] && [ "$(stat -c %a -- "$path")" = "$mode" ]; then
    echo unchanged
    exit
  fi
  chmod "$mode" "$new"
  mv -f -- "$new" "$path"
  echo changed
)
echo "$state"
[ $# -eq 0 ] || exec "$@" </dev/null
"""
"""Writes its input into a file, which is the old or the new one, whatever happens, says which, and becomes a program.

Arguments: path, digest, mode, and the words of the program, if there is one. Whatever it starts costs time on each
machine: one process reads the new file and the old one.
"""


@dataclass(frozen=True)
class Upload:
    """A file that is put on machines."""

    data: bytes
    destination: str
    mode: str
    """Octal, as chmod takes it."""


Command = tuple[str, ...]
"""A program and its arguments."""


@dataclass(frozen=True)
class Answer:
    """What became of one machine."""

    state: State
    seconds: float
    exit_status: int | None = None
    """Of the last command that was begun, or of what wrote the file; None where it did not end in time."""
    begun: Command = ()
    """The last command that was begun; none where not even the file came to its end."""
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
    commands: Sequence[Command],
    seconds: float,
    at_once: int = AT_ONCE,
    heard: Callable[[str, Answer], None] = lambda name, answer: None,
) -> dict[str, Answer]:
    """Put the file on all machines, and run the commands there afterwards, one after the other; either may be missing.

    A machine at which one of them fails has none of the following ones. No machine gets more than ``seconds`` for
    connecting and all of it. ``heard`` is called with each answer, in a thread.
    """

    async def one(name: str, access: SshAccess, room: asyncio.Semaphore) -> Answer:
        async with room:
            answer = await _Machine(access, seconds).answer(upload, commands)
        heard(name, answer)
        return answer

    async def all_of_them() -> list[Answer]:
        room = asyncio.Semaphore(at_once)
        return await asyncio.gather(*(one(name, access, room) for name, access in wanted.items()))

    return dict(zip(wanted, in_background(all_of_them()), strict=True))


class _Machine:
    """One of them, and how far it is."""

    def __init__(self, access: SshAccess, seconds: float) -> None:
        self._access = access
        self._seconds = seconds
        self._began = time.monotonic()
        self._begun: Command = ()
        self._changed: bool | None = None
        self._stdout: list[str] = []
        self._stderr: list[str] = []

    async def answer(self, upload: Upload | None, commands: Sequence[Command]) -> Answer:
        """What became of it."""
        try:
            async with asyncio.timeout(self._seconds):
                host = await connect(self._access)
        except TimeoutError:
            return self._silent(f"it did not let us in within {self._seconds:g} s")
        except OnwardError as error:
            return self._unreachable(error)
        try:
            left = self._seconds - (time.monotonic() - self._began)
            return await asyncio.wait_for(self._work(host, upload, commands), max(left, 0.1))
        except TimeoutError:
            return self._silent(f"it was not done within {self._seconds:g} s; what was begun there may go on")
        except OnwardError as error:
            return self._unreachable(error)
        finally:
            # Nobody waits for the goodbye of a machine that may not say it.
            host.connection.close()

    async def _work(self, host: Host, upload: Upload | None, commands: Sequence[Command]) -> Answer:
        status = 0
        if upload is not None:
            status = await self._put(host, upload, commands[0] if commands else ())
            commands = commands[1:]
        for command in commands:
            if status:
                break
            self._begun = command
            ended = await host.run(command, timeout_seconds=self._seconds)
            self._stdout.append(ended.stdout)
            self._stderr.append(ended.stderr)
            status = ended.exit_status
        return self._told("failed" if status else "done", status)

    async def _put(self, host: Host, upload: Upload, command: Command) -> int:
        """Put the file there and run the first command, in one session; the exit status of both."""
        digest = hashlib.sha256(upload.data).hexdigest()
        ended = await host.run(
            ["/bin/sh", "-c", _PUT, "put", upload.destination, digest, upload.mode, *command],
            stdin=upload.data,
            timeout_seconds=self._seconds,
        )
        said, _, rest = ended.stdout.partition("\n")
        if said in ("changed", "unchanged"):
            self._changed = said == "changed"
            self._begun = command
        self._stdout.append(rest)
        self._stderr.append(ended.stderr)
        return ended.exit_status

    def _told(self, state: State, status: int | None, *more: str) -> Answer:
        return Answer(
            state=state,
            seconds=time.monotonic() - self._began,
            exit_status=status,
            begun=self._begun,
            stdout="".join(self._stdout),
            stderr="".join((*self._stderr, *more)),
            changed=self._changed,
        )

    def _silent(self, what: str) -> Answer:
        return self._told("unreachable", None, f"{HostUnreachable.code}: {what}")

    def _unreachable(self, error: OnwardError) -> Answer:
        said = f"{error.code}: {error.what} {error.evidence}"
        return self._told("unreachable", None, " ".join(said.split()))
