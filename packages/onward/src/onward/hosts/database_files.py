"""A copy of the files of one database, taken while its server runs, and read through a server of its own.

For databases that are too large for a dump: reading and writing files is all that it takes.
https://mariadb.com/docs/server/server-usage/backup-and-restore/mariadb-backup/partial-backup-and-restore-with-mariadb-backup
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onward.errors import DatabaseUnreachable
from onward.hosts.command import run_command
from onward.hosts.mariadb import PrivateMariadb, find_tool
from onward.hosts.user import own_name

COPY_SECONDS = 24 * 3600.0
_LAST_LINES = 10


def copy_files(socket: str, database: str, target: Path) -> None:
    """Copy a database's files, and those of the server's own tables, into a directory that a server can be started on.

    ``socket`` is the server's, which knows the owner of this process as its administrator. The copy is as of its end.
    Raises ToolMissing, and DatabaseUnreachable with what the program said.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True, mode=0o700)
    program, data = str(find_tool("mariadb-backup")), f"--target-dir={target / 'data'}"
    wanted = f"--databases=mysql {database}"
    for words in (
        ("--backup", data, f"--socket={socket}", f"--user={own_name()}", wanted),
        # What was written while it was copied.
        ("--prepare", data),
    ):
        done = run_command([program, "--no-defaults", *words], timeout_seconds=COPY_SECONDS)
        if done.exit_status != 0:
            raise DatabaseUnreachable(
                f"The files of {database} could not be copied.",
                evidence=done.tail(_LAST_LINES),
                state="The source was only read. The copy is incomplete and will be made again.",
            )


@contextmanager
def served(copy: Path, log: Path) -> Iterator[PrivateMariadb]:
    """A server on such a copy, reached by the owner of this process only. Raises ToolMissing, ScratchServerFailed."""
    with PrivateMariadb(copy, log, user=own_name()) as server:
        yield server
