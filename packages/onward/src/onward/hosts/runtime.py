"""Onward's own code for another machine: an environment of the versions that run here, sent as it is.

Nothing is installed from an index there, so that the two sides of a deployment are never of different versions. It
needs an interpreter of the same minor version, for some of the libraries are compiled.
"""

import asyncio
import gzip
import hashlib
import io
import os
import sys
import tarfile
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import Distribution, distribution
from pathlib import Path, PurePath

from packaging.markers import default_environment
from packaging.requirements import Requirement

import onward
from onward.errors import HostUnreachable
from onward.hosts.service_package import PACKAGE, package_directory
from onward.hosts.ssh import Host

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
RUNTIMES = "runtime"
"""In a machine's cache: deleted, it is sent again."""
SEND_SECONDS = 900.0
_NOT_THERE = frozenset({"dbos", "openstacksdk", "psycopg", "starlette", "uvicorn"})
"""Needed by what is done here alone: the journal, the use of a cloud, the page."""
_SKIPPED = (".pyc", ".pyi")
_OWN = frozenset({"onward", "onward-service"})


@cache
def runtime_key() -> str:
    """Name of its directory: the same for the same code."""
    digest = hashlib.sha256(f"1 {MINOR}".encode())
    for found in _distributions():
        digest.update(f"{found.name}=={found.version}\n".encode())
    for path, target in _own_files():
        digest.update(str(target).encode() + b"\0" + path.read_bytes())
    return f"onward-{onward.__version__}-py{MINOR}-{digest.hexdigest()[:12]}"


def runtime_python(cache: str) -> str:
    """The interpreter of the runtime in a machine's cache."""
    return f"{cache}/{RUNTIMES}/{runtime_key()}/bin/python"


async def send_runtime(host: Host, cache: str, python: str) -> bool:
    """Have the runtime there, run by this interpreter of the machine; whether it had to be sent.

    It is made beside its place and renamed, so that it is there whole or not at all. Raises HostUnreachable.
    """
    parent, key = f"{cache}/{RUNTIMES}", runtime_key()
    there = await host.run(["test", "-x", f"{parent}/{key}/bin/python"])
    if there.exit_status == 0:
        return False
    line = """
        umask 077; mkdir -p "$1" && new=$(mktemp -d "$1/.new.XXXXXX") || exit
        # The interpreter is the last of the archive: with it, all of it is there.
        if tar -xzf - -C "$new" && test -x "$new/bin/python"; then
            # Another machine with the same file system may have been quicker.
            mv -T "$new" "$2" || test -x "$2/bin/python"
        else false; fi
        status=$?; rm -rf "$new"
        find "$1" -maxdepth 1 -name '.new.*' -mmin +60 -exec rm -rf {} +
        exit $status
    """
    argv = ["sh", "-c", line, "sh", parent, f"{parent}/{key}"]
    done = await host.run(argv, stdin=_packed(python), timeout_seconds=SEND_SECONDS)
    if done.exit_status != 0:
        evidence = done.stderr.strip()[-500:]
        raise HostUnreachable(f"{host.access.name} does not take Onward's code.", evidence=evidence)
    return True


async def _packed(python: str) -> AsyncGenerator[bytes, None]:
    """The archive, while a thread makes it."""
    reading, writing = os.pipe()
    threading.Thread(target=_pack, args=(writing, python), daemon=True).start()
    with os.fdopen(reading, "rb") as packed:
        while block := await asyncio.to_thread(packed.read, 1 << 18):
            yield block


def _pack(writing: int, python: str) -> None:
    library = PurePath("lib") / f"python{MINOR}" / "site-packages"
    with (
        # Nobody reads to the end what the other side does not take.
        suppress(BrokenPipeError),
        os.fdopen(writing, "wb") as out,
        gzip.GzipFile(fileobj=out, mode="wb", compresslevel=1) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        for path, target in (*_library_files(), *((path, library / inside) for path, inside in _own_files())):
            archive.add(path, arcname=str(target), recursive=False, filter=_private)
        settings = (
            f"home = {PurePath(python).parent}\ninclude-system-site-packages = false\nversion = {MINOR}\n".encode()
        )
        told = tarfile.TarInfo("pyvenv.cfg")
        told.size = len(settings)
        archive.addfile(told, io.BytesIO(settings))
        link = tarfile.TarInfo("bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, python
        archive.addfile(link)


def _private(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o700 if member.mode & 0o100 else 0o600
    return member


def _own_files() -> Iterator[tuple[Path, PurePath]]:
    for name, root in (("onward", Path(onward.__file__).parent), (PACKAGE, package_directory())):
        if root is None:
            continue
        for path in sorted(root.rglob("*")):
            if path.is_file() and path.suffix not in _SKIPPED:
                yield path, PurePath(name) / path.relative_to(root)


def _library_files() -> Iterator[tuple[Path, PurePath]]:
    """The files of all libraries, with their places in an environment; programs among them: uv is one."""
    library = PurePath("lib") / f"python{MINOR}" / "site-packages"
    for found in _distributions():
        for file in found.files or ():
            path = Path(str(file.locate()))
            if path.suffix in _SKIPPED or not path.is_file():
                continue
            target = PurePath(os.path.normpath(library / file))
            if target.parts[0] == "bin" and found.name != "uv":
                continue
            yield path, target


@cache
def _distributions() -> tuple[Distribution, ...]:
    """Everything that Onward needs to run a step, without itself."""
    found: dict[str, Distribution] = {}
    marked = {key: str(value) for key, value in default_environment().items()}
    pending = [("onward", "")]
    seen = set()
    while pending:
        name, extra = pending.pop()
        if (name, extra) in seen or name in _NOT_THERE:
            continue
        seen.add((name, extra))
        package = distribution(name)
        if name not in _OWN:
            found[package.name.lower()] = package
        for line in package.requires or ():
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({**marked, "extra": extra}):
                pending += [(need.name.lower(), each) for each in ("", *need.extras)]
    return tuple(found[name] for name in sorted(found))
