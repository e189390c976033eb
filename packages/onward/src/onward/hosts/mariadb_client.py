"""MariaDB's own client programs: loading a dump and taking one, as streams. No password is ever an argument."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy import URL

from onward.errors import DatabaseUnreachable, DumpLoadFailed
from onward.hosts.mariadb import find_tool


class Readable(Protocol):
    """What SQL is read from."""

    def read(self, size: int, /) -> bytes:
        """At most this many bytes; none at the end."""
        ...


CHUNK_BYTES = 1 << 20
_LAST_LINES = 10


@contextmanager
def _options(url: URL) -> Iterator[int]:
    """A descriptor from which a client can read the connection's options once.

    It is a pipe: a file would outlive a process that is killed, with the password in it.
    """
    lines = ["[client]"]
    if url.username:
        lines.append(f'user="{_escaped(url.username)}"')
    if url.password:
        lines.append(f'password="{_escaped(str(url.password))}"')
    socket = url.query.get("unix_socket")
    if socket:
        lines.append(f'socket="{_escaped(str(socket))}"')
    else:
        lines += [f'host="{_escaped(url.host or "localhost")}"', "protocol=tcp", f"port={url.port or 3306}"]
        certificate = url.query.get("ssl_ca")
        if certificate:
            lines.append(f'ssl-ca="{_escaped(str(certificate))}"')
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")  # A pipe holds far more than this (64 KiB), so that nobody waits.
        yield reading
    finally:
        os.close(reading)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def load(stream: Readable, url: URL) -> int:
    """Feed SQL to the database of ``url``; return how many bytes it took. Nothing is held in memory.

    Raises DumpLoadFailed with the server's message.
    """
    with _options(url) as options, tempfile.TemporaryFile() as messages:
        argv = [
            str(find_tool("mariadb")),
            f"--defaults-file=/dev/fd/{options}",
            "--default-character-set=utf8mb4",
            "--batch",
            "--max-allowed-packet=1G",
            str(url.database),
        ]
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=messages,
            start_new_session=True,
            pass_fds=(options,),
        )
        if process.stdin is None:
            raise AssertionError("a pipe was asked for")
        taken = 0
        try:
            while chunk := stream.read(CHUNK_BYTES):
                process.stdin.write(chunk)
                taken += len(chunk)
            process.stdin.close()
        except BrokenPipeError:
            pass  # the client has given up; its message says why
        except BaseException:
            process.kill()
            raise
        finally:
            process.wait()
        if process.returncode != 0:
            raise DumpLoadFailed(
                "The scratch server did not accept the dump.",
                evidence=f"{_last_lines(messages)}\nafter {taken:,} bytes",
                state="The copy is incomplete; it is made again from the start when the run is resumed.",
            )
    return taken


@contextmanager
def dump(url: URL, tables: Sequence[str] = ()) -> Iterator[IO[bytes]]:
    """A consistent dump of one database, or of some of its tables, as a stream; the one transaction only reads.

    Leaving the context waits for the dump's end. Raises DatabaseUnreachable when it failed, even after its stream.
    """
    with _options(url) as options, tempfile.TemporaryFile() as messages:
        argv = [
            str(find_tool("mariadb-dump")),
            f"--defaults-file=/dev/fd/{options}",
            "--single-transaction",
            "--quick",
            "--skip-lock-tables",
            "--skip-add-locks",
            "--triggers",
            "--no-tablespaces",
            "--hex-blob",
            "--default-character-set=utf8mb4",
            str(url.database),
            *tables,
        ]
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=messages,
            start_new_session=True,
            pass_fds=(options,),
        )
        if process.stdout is None:
            raise AssertionError("a pipe was asked for")
        try:
            yield process.stdout
        except BaseException:
            process.kill()
            process.wait()
            raise
        process.stdout.close()
        if process.wait() != 0:
            raise DatabaseUnreachable(
                "The source database could not be dumped.",
                evidence=_last_lines(messages),
                state="The source was only read. The copy is incomplete and will be made again.",
            )


def save_dump(url: URL, target: Path) -> int:
    """Write a dump into a file, whole or not at all, on the disk when this returns; return its size in bytes."""
    partial = target.with_name(target.name + ".partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        with dump(url) as stream:
            shutil.copyfileobj(stream, file, CHUNK_BYTES)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(target)
    return target.stat().st_size


def _last_lines(messages: IO[bytes]) -> str:
    messages.seek(0)
    lines = messages.read().decode(errors="replace").strip().splitlines()
    return "\n".join(lines[-_LAST_LINES:])
