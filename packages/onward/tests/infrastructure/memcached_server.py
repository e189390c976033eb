"""Real servers of memcached on loopback, each with a port of its own."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broker_cluster import free_port, until
from pymemcache.client.base import Client

from onward.hosts.guard import GuardedProcess, guarded

SERVER = shutil.which("memcached")


class Memcached:
    """A running server."""

    def __init__(self, port: int, process: GuardedProcess) -> None:
        self.port = port
        self.process = process

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self.process.pid

    def client(self) -> Client:
        return Client(("127.0.0.1", self.port), timeout=60)


@contextmanager
def memcached(directory: Path, *options: str) -> Iterator[Memcached]:
    """A server with some megabytes, unless the options say otherwise."""
    assert SERVER is not None
    port = free_port()
    # As root it wants to be told whom to be.
    words = [SERVER, "-l", "127.0.0.1", "-p", str(port), "-U", "0", "-t", "1", "-m", "16", "-u", "root", *options]
    with guarded(words, directory / f"memcached-{port}.log") as process:
        made = Memcached(port, process)
        until("memcached listens", lambda: not process.alive() or _listens(port))
        assert process.alive(), process.tail()
        yield made


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
