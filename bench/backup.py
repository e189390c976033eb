"""How long the backup of a database of a deployed cloud takes, by its size: a dump, and a copy of its files.

Both as `onward apply` makes them in the outage, read back included. One table of rows of 1 KiB that do not compress, on
a private MariaDB.

    .venv/bin/python bench/backup.py [--mebibytes N ...]
"""

import argparse
import json
import shutil
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pymysql

from onward.actions.deployment.model_backup import read_back
from onward.hosts.database_files import copy_files
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.mariadb_client import save_dump


def filled(server: PrivateMariadb, mebibytes: int) -> None:
    """A database of about this size."""
    content = ", ".join(f"SHA2(seq + {number}, 512)" for number in range(8))
    rows = f"mysql.seq_1_to_{mebibytes * 1024 * 9 // 10}"
    with closing(pymysql.connect(unix_socket=str(server.socket), user="root", autocommit=True)) as connection:
        cursor = connection.cursor()
        for statement in (
            "DROP DATABASE IF EXISTS filled",
            "CREATE DATABASE filled",
            "CREATE TABLE filled.rows_of_it (id INT PRIMARY KEY, content VARCHAR(2048) CHARACTER SET ascii)",
            f"INSERT INTO filled.rows_of_it SELECT seq, CONCAT({content}) FROM {rows}",  # noqa: S608 - numbers alone
        ):
            cursor.execute(statement)


def measured(server: PrivateMariadb, directory: Path) -> dict[str, float]:
    """Seconds of both."""
    url, target = server.url("filled"), directory / "backup"
    found = {}
    began = time.monotonic()
    save_dump(url, target)
    read_back(target, url, "")
    found["dump"] = round(time.monotonic() - began, 2)
    target.unlink()
    began = time.monotonic()
    copy_files(str(server.socket), "filled", target)
    read_back(target, url, "")
    found["files"] = round(time.monotonic() - began, 2)
    shutil.rmtree(target)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--mebibytes", type=int, nargs="+", default=[16, 256, 1024])
    sizes = parser.parse_args().mebibytes
    with tempfile.TemporaryDirectory(prefix="onward-backup-") as name:
        directory = Path(name)
        with PrivateMariadb(directory / "server", directory / "log") as server:
            for size in sizes:
                filled(server, size)
                print(json.dumps({"mebibytes": size, **measured(server, directory)}), flush=True)


if __name__ == "__main__":
    main()
