"""A private PostgreSQL on loopback, with a password that a store's users need."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PASSWORD = "correct-horse-battery"


def program(name: str) -> Path:
    """A program of PostgreSQL; skips the test that asks where there is none."""
    # Debian keeps them out of the way of others; what it has among those asks which server is meant.
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found += [Path(each) for each in [shutil.which(name)] if each]
    if not found:
        pytest.skip(f"PostgreSQL's {name} is missing: apt-get install postgresql")
    return found[0]


@contextmanager
def postgres_server(directory: Path) -> Iterator[str]:
    """Its URL without the database's name. The password is in ``directory/pgpass``."""
    user = "postgres" if os.getuid() == 0 else None
    data, secret, port = directory / "data", directory / "password", free_port()
    directory.mkdir(parents=True)
    secret.write_text(PASSWORD)
    pgpass = directory / "pgpass"
    pgpass.write_text(f"127.0.0.1:*:*:onward:{PASSWORD}\n")
    pgpass.chmod(0o600)
    if user:
        # PostgreSQL does not run as root, and has to reach its directory.
        for each in (directory, *directory.parents):
            if each.stat().st_uid == 0 and each != Path("/") and each != Path("/tmp"):  # noqa: S108
                each.chmod(each.stat().st_mode | 0o111)
        entry = pwd.getpwnam(user)
        os.chown(directory, entry.pw_uid, entry.pw_gid)
        os.chown(secret, entry.pw_uid, entry.pw_gid)
    subprocess.run(
        [program("initdb"), "-D", data, "-U", "onward", "-A", "scram-sha-256", "--pwfile", secret, "--no-sync"],
        check=True,
        capture_output=True,
        user=user,
        cwd=directory,
    )
    server = subprocess.Popen(
        [
            *(program("postgres"), "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", ""),
            *("-c", "max_connections=50", "-c", "shared_buffers=32MB"),
        ],
        user=user,
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=(directory / "log").open("w"),
    )
    try:
        _wait_until_ready(port, server)
        yield f"postgresql://onward@127.0.0.1:{port}"
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.send_signal(3)
            server.wait(20)


def _wait_until_ready(port: int, server: "subprocess.Popen[bytes]") -> None:
    while server.poll() is None:
        ready = subprocess.run(
            [program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)], check=False, capture_output=True
        )
        if ready.returncode == 0:
            return
    raise AssertionError("PostgreSQL did not start")


def make_database(url: str, name: str) -> str:
    """A database of its own, and its URL. Needs PGPASSFILE."""
    import psycopg

    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{url}/{name}"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
