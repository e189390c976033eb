"""Machines over SSH: one connection for each, kept for as long as it is needed, checked against keys that are known.

asyncssh runs in one thread of its own; everything here may be called from any other one. No machine holds up another:
each has its own time limits, and many are asked at once.
"""

import asyncio
import shlex
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import asyncssh

from onward.errors import HostKeyUnknown, HostLoginRefused, HostUnreachable, OnwardError
from onward.hosts.command import CommandResult
from onward.model.machine import SshAddress

CONNECT_SECONDS = 15.0
"""Until a machine has shown its key and let us in."""
SILENT_SECONDS, SILENT_TIMES = 5, 6
"""A connection on which nothing comes is asked so often whether it is still there, before it is given up."""
COMMAND_SECONDS = 120.0
MOST_AT_ONCE = 32
KEY_KINDS = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512")
CIPHERS = "^aes256-gcm@openssh.com"
"""First of what both sides know; it is as strong as ChaCha20, which takes asyncssh eight times as long for a packet."""

Result = TypeVar("Result")
_STARTING = threading.Lock()


@dataclass(frozen=True)
class SshAccess:
    """How a machine is opened."""

    name: str
    """That the user knows it by."""
    address: SshAddress
    known_hosts: tuple[Path, ...]
    identity: str | None = None
    sudo: bool = True
    """Whether a user other than root becomes root for every command."""
    connect_seconds: float = CONNECT_SECONDS

    def as_root(self, argv: Sequence[str]) -> str:
        """The command line by which it is run there, for the shell of the other side."""
        prefix = ("sudo", "-n", "--") if self.sudo and self.address.user != "root" else ()
        return shlex.join([*prefix, *argv])


class Host:
    """A machine to which there is a connection."""

    def __init__(self, access: SshAccess, connection: asyncssh.SSHClientConnection) -> None:
        self.access = access
        self.connection = connection

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | AsyncGenerator[bytes, None] = b"",
        timeout_seconds: float = COMMAND_SECONDS,
    ) -> CommandResult:
        """Run a program there, which reads this to its end, and return how it ended.

        Raises HostUnreachable when it ends with the connection, or not in time.
        """
        try:
            async with asyncio.timeout(timeout_seconds):
                process = await self.connection.create_process(self.access.as_root(argv), encoding=None)
                await _feed(process, stdin)
                done = await process.wait()
        except (TimeoutError, asyncssh.Error, OSError) as error:
            raise _unreachable(self.access, error, f"after {timeout_seconds:g} s") from None
        if done.exit_status is None:
            lost = ConnectionError("the connection ended before the program did")
            raise _unreachable(self.access, lost, "")
        return CommandResult(tuple(argv), done.exit_status, text_of(done.stdout), text_of(done.stderr))

    async def close(self) -> None:
        """End the connection."""
        self.connection.close()
        await self.connection.wait_closed()


async def _feed(process: "asyncssh.SSHClientProcess[bytes]", stdin: bytes | AsyncGenerator[bytes, None]) -> None:
    """Send all of it, or as much as is taken: how a program ended tells more than that it took no more."""
    with suppress(BrokenPipeError):
        if isinstance(stdin, bytes):
            process.stdin.write(stdin)
        else:
            async with aclosing(stdin):
                async for block in stdin:
                    process.stdin.write(block)
                    await process.stdin.drain()
    process.stdin.write_eof()


async def connect(access: SshAccess) -> Host:
    """Reach a machine. Raises HostUnreachable, HostKeyUnknown, HostLoginRefused."""
    address = access.address
    known = known_keys(access.known_hosts)
    try:
        connection = await asyncssh.connect(
            address.host,
            address.port,
            username=address.user,
            # An object and never None, which would have every key accepted.
            known_hosts=known,
            client_keys=[access.identity] if access.identity else (),
            password=None,
            preferred_auth=("publickey",),
            encryption_algs=CIPHERS,
            connect_timeout=access.connect_seconds,
            login_timeout=access.connect_seconds,
            keepalive_interval=SILENT_SECONDS,
            keepalive_count_max=SILENT_TIMES,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise _key_unknown(access, known, error) from None
    except asyncssh.PermissionDenied as error:
        raise HostLoginRefused(
            f"{access.name} ({address}) does not let {address.user} in.",
            evidence=str(error),
            next_command=f"ssh -p {address.port} {address.user}@{address.host} true",
        ) from None
    except (asyncssh.KeyImportError, FileNotFoundError) as error:
        raise HostLoginRefused(f"The key for {access.name} cannot be used.", evidence=str(error)) from None
    except (TimeoutError, asyncssh.Error, OSError) as error:
        raise _unreachable(access, error, f"after {access.connect_seconds:g} s") from None
    return Host(access, connection)


async def keys_shown(address: SshAddress, seconds: float = CONNECT_SECONDS) -> dict[str, str]:
    """The keys that a machine shows, by fingerprint, as a file of known hosts has them. Raises HostUnreachable."""
    found = {}
    said: Exception = OSError("it shows no key")
    for kind in KEY_KINDS:
        try:
            key = await asyncio.wait_for(
                asyncssh.get_server_host_key(address.host, address.port, server_host_key_algs=[kind]), seconds
            )
        except (TimeoutError, asyncssh.Error, OSError) as error:
            said = error
            if isinstance(error, OSError | TimeoutError):
                break
            continue
        if key is not None:
            found[key.get_fingerprint()] = key.export_public_key().decode().strip()
    if not found:
        raise _unreachable(SshAccess(address.host, address, ()), said, f"after {seconds:g} s")
    return found


def known_keys(files: Iterable[Path]) -> asyncssh.SSHKnownHosts:
    """The keys of all files that there are."""
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files if path.is_file()]
    return _imported("\n".join(texts))


@lru_cache(maxsize=8)
def _imported(text: str) -> asyncssh.SSHKnownHosts:
    """Read once for hundreds of machines: what the files say is what counts, not when they were read."""
    return asyncssh.import_known_hosts(text)


def name_in_file(address: SshAddress) -> str:
    """How a file of known hosts names a machine: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT."""
    return address.host if address.port == 22 else f"[{address.host}]:{address.port}"


async def each_of(
    wanted: Mapping[str, SshAccess], do: Callable[[Host], Awaitable[Result]], most: int = MOST_AT_ONCE
) -> dict[str, Result | OnwardError]:
    """Connect to all, some at once, and do something on each; what it returned, or why it could not be done."""
    room = asyncio.Semaphore(most)

    async def one(access: SshAccess) -> Result | OnwardError:
        async with room:
            try:
                host = await connect(access)
                try:
                    return await do(host)
                finally:
                    await host.close()
            except OnwardError as error:
                return error

    results = await asyncio.gather(*(one(access) for access in wanted.values()))
    return dict(zip(wanted, results, strict=True))


def in_background(work: Coroutine[Any, Any, Result]) -> Result:
    """Have the thread of connections do something, and wait for it."""
    return begun_in_background(work).result()


def begun_in_background(work: Coroutine[Any, Any, Result]) -> "Future[Result]":
    """The same without waiting."""
    return asyncio.run_coroutine_threadsafe(work, _loop())


@cache
def _started() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="ssh", daemon=True).start()
    return loop


def _loop() -> asyncio.AbstractEventLoop:
    with _STARTING:
        return _started()


def text_of(data: Any) -> str:
    """What a program has printed, as text."""
    return bytes(data or b"").decode(errors="replace")


def _unreachable(access: SshAccess, error: Exception, when: str) -> HostUnreachable:
    silent = isinstance(error, TimeoutError | asyncssh.TimeoutError)
    return HostUnreachable(
        f"{access.name} ({access.address}) cannot be reached.",
        evidence=f"it did not answer {when}" if silent else str(error) or type(error).__name__,
        next_command="onward hosts check BUNDLE",
    )


def _key_unknown(access: SshAccess, known: asyncssh.SSHKnownHosts, error: Exception) -> HostKeyUnknown:
    address = access.address
    trusted = known.match(address.host, "", address.port)[0]
    files = ", ".join(map(str, access.known_hosts))
    fingerprints = ", ".join(key.get_fingerprint() for key in trusted)
    return HostKeyUnknown(
        f"{access.name} ({address}) shows another key than the one that is known."
        if trusted
        else f"The key that {access.name} ({address}) shows is not known.",
        evidence=f"known: {fingerprints or 'none'}, by {files}\n{error}",
        next_command=f"onward hosts add {address}",
    )
