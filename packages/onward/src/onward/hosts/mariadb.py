"""A private MariaDB server: its own data directory, a socket that only its owner reaches, no network."""

import hashlib
import os
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pymysql
from sqlalchemy import URL

from onward.errors import ScratchServerFailed, ToolMissing
from onward.hosts.command import run_command
from onward.hosts.guard import GuardedProcess, guarded
from onward.hosts.user import own_name

START_SECONDS = 120.0
"""Recovery after a crash may take its time on a large copy."""
STOP_SECONDS = 120.0
_SYSTEM_PATHS = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/libexec"
_LONGEST_SOCKET = 100
"""Bytes that the path of a socket may have with certainty (sun_path is 108)."""
_PACKAGES = {
    "mariadbd": "mariadb-server-core",
    "mariadb-install-db": "mariadb-server-core",
    "mariadb": "mariadb-client-core",
    "mariadb-dump": "mariadb-client",
    "mariadb-backup": "mariadb-backup",
}


def find_tool(name: str) -> Path:
    """Where a program of MariaDB is. Raises ToolMissing, which names its Debian package."""
    found = shutil.which(name) or shutil.which(name, path=_SYSTEM_PATHS)
    if found is None:
        raise ToolMissing(
            f"{name} is not installed.",
            evidence="the copy of a MariaDB or MySQL database is held by a private MariaDB server",
            next_command=f"apt-get install {_PACKAGES[name]}",
        )
    return Path(found)


class PrivateMariadb:
    """A server on a data directory of its own. A context: entering starts it, leaving stops it.

    It dies with this process (see :mod:`onward.hosts.guard`). Started again on the same directory, also after SIGKILL,
    it recovers what was committed. Its root user has no password: only the owner can reach the socket.
    """

    def __init__(self, directory: Path, log: Path, *, user: str = "root") -> None:
        """``user``: whom a data directory that is there already knows as its administrator."""
        self._user = user
        self._directory = directory
        self._log = log
        self.data = directory / "data"
        self.socket = _socket_for(directory)
        self._stack = ExitStack()
        self._process: GuardedProcess | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self.socket.parent != self._directory:
            shutil.rmtree(self.socket.parent, ignore_errors=True)

    @property
    def pid(self) -> int | None:
        """Process id of the server while it runs."""
        return self._process.pid if self._process is not None and self._process.alive() else None

    def url(self, database: str) -> URL:
        """Where a service connects to this database."""
        return URL.create(
            "mysql+pymysql",
            username=self._user,
            host="localhost",
            database=database,
            query={"unix_socket": str(self.socket), "charset": "utf8mb4"},
        )

    def start(self) -> None:
        """Start it, after making the data directory where there is none. Raises ToolMissing, ScratchServerFailed."""
        server = str(find_tool("mariadbd"))
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._finish_replacement()
        if not self.data.is_dir():
            self._initialise()
        self.socket.parent.mkdir(exist_ok=True, mode=0o700)
        self.socket.unlink(missing_ok=True)
        argv = [
            server,
            "--no-defaults",
            f"--datadir={self.data}",
            f"--socket={self.socket}",
            f"--pid-file={self._directory / 'mariadbd.pid'}",
            self._own_temporary_files(),
            # mariadbd refuses to run as root unless it is told so.
            f"--user={own_name()}",
            "--skip-networking",
            # The tables of OpenStack's services were made for utf8mb3; a dump says for itself what it holds.
            "--character-set-server=utf8mb3",
            "--innodb-buffer-pool-size=256M",
            # A small redo log keeps checkpoints small; Debian's 96 MiB would be most of a small copy.
            "--innodb-log-file-size=32M",
            "--max-allowed-packet=1G",
            "--skip-log-bin",
        ]
        try:
            self._process = self._stack.enter_context(guarded(argv, self._log, stop_timeout=STOP_SECONDS))
        except OSError as error:
            raise ScratchServerFailed("The private MariaDB server could not be started.", evidence=str(error)) from None
        self._wait_for_answer()

    def stop(self) -> None:
        """Stop it cleanly and wait for its end."""
        self._process = None
        self._stack.close()

    def keep(self, target: Path) -> None:
        """Copy the data directory, with the server stopped meanwhile; the copy appears whole or not at all."""
        self.stop()
        try:
            _copy_whole(self.data, target)
        finally:
            self.start()

    def put_back(self, source: Path) -> None:
        """Replace the data directory by a kept one. Killed in between, the next start finishes it."""
        self.stop()
        try:
            _copy_whole(source, self._replacement)
        finally:
            self.start()

    @property
    def _replacement(self) -> Path:
        return self._directory / "data.replacement"

    def _finish_replacement(self) -> None:
        """A complete replacement takes the place of the data; an incomplete one has another name."""
        if self._replacement.is_dir():
            shutil.rmtree(self.data, ignore_errors=True)
            self._replacement.rename(self.data)

    def _initialise(self) -> None:
        """Make the data directory under another name first, so that a half-made one is never taken for whole."""
        partial = self._directory / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        argv = [
            str(find_tool("mariadb-install-db")),
            "--no-defaults",
            f"--datadir={partial}",
            self._own_temporary_files(),
            f"--user={own_name()}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--innodb-log-file-size=32M",
        ]
        result = run_command(argv, timeout_seconds=START_SECONDS)
        if result.exit_status != 0:
            raise ScratchServerFailed(
                "The data directory of the private MariaDB could not be made.", evidence=result.tail()
            )
        partial.rename(self.data)

    def _own_temporary_files(self) -> str:
        """The option that gives it a directory of its own for temporary tables.

        A starting server removes what it finds of them there, whoever is at work with it (mysql_rm_tmp_tables, in
        sql/sql_base.cc). In the common directory these would be those of every other server of the machine.
        """
        directory = self._directory / "tmp"
        directory.mkdir(exist_ok=True, mode=0o700)
        return f"--tmpdir={directory}"

    def _wait_for_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                pymysql.connect(unix_socket=str(self.socket), user=self._user, connect_timeout=5).close()
                return
            except pymysql.Error as error:
                if self._process is None or not self._process.alive() or time.monotonic() > deadline:
                    evidence = self._process.tail() if self._process is not None else str(error)
                    self.stop()
                    raise ScratchServerFailed(
                        "The private MariaDB server does not answer.", evidence=evidence
                    ) from None
            time.sleep(0.05)


def _copy_whole(source: Path, target: Path) -> None:
    partial = target.with_name(target.name + ".copying")
    shutil.rmtree(partial, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copytree(source, partial)
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)


def _socket_for(directory: Path) -> Path:
    """A path for the socket that is the same every time, and short enough."""
    near = directory / "mariadbd.sock"
    if len(os.fsencode(near)) <= _LONGEST_SOCKET:
        return near
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"onward-{os.geteuid()}-{name}" / "mariadbd.sock"
