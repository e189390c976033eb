"""A Keystone of one's own: its database, its configuration, its cloud file and the commands of its units."""

import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import pymysql
import pytest
import yaml
from mariadb_data import sql
from rehearsing import Operator
from sqlalchemy import URL, create_engine, text

from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.mariadb_client import load
from onward.hosts.scratch import copy_sqlite

SOURCE = "2025.2"
SQLITE_TAKES_LONG = pytest.mark.parametrize(
    "backend", [pytest.param("sqlite", marks=pytest.mark.full), pytest.param("mariadb", marks=pytest.mark.mariadb)]
)
"""Of a test that takes most of a minute: always on what clouds have, and on the other one where all tests are run."""
SERVICE_USER, SERVICE_PASSWORD = "keystone", "Serv1ce-Secret-0f-Keystone"
READER, READER_PASSWORD = "reader", 'Re@der s "Secret"/0f Keystone'
"""Whoever may only read, with a password that has to be quoted wherever it goes."""

# What the commands of a unit write down: what they were told, and where the database was at that moment.
_UNIT_PROGRAM = """\
import sys
from sqlalchemy import create_engine, text

verb, unit, ledger, url_file = sys.argv[1:]
engine = create_engine(open(url_file).read())
with engine.connect() as connection:
    heads = sorted(row[0] for row in connection.execute(text("SELECT version_num FROM alembic_version")))
engine.dispose()
with open(ledger, "a") as file:
    file.write(" ".join([verb, unit, *heads]) + "\\n")
print(verb, unit)
"""


class Installation:
    """One Keystone on SQLite or MariaDB at 2025.2, with an operator who has a directory of their own."""

    def __init__(self, home: Path, operator: Operator, url: URL, keys: Path) -> None:
        self.home = home
        self.keys = home / "keys"
        shutil.copytree(keys, self.keys)
        self.operator = operator
        self.url = url
        self.ledger = home / "ledger"
        self.configuration = home / "keystone.conf"
        words = url.render_as_string(hide_password=False).replace("%2F", "/").replace("$", "$$")
        self.configuration.write_text(
            f"[database]\nconnection = {words}\n[fernet_tokens]\nkey_repository = {self.keys}/fernet-keys\n"
            f"[fernet_receipts]\nkey_repository = {self.keys}/fernet-keys\n"
            f"[credential]\nkey_repository = {self.keys}/credential-keys\n"
        )
        self.configuration.chmod(0o600)

    @property
    def on_mariadb(self) -> bool:
        return self.url.get_backend_name() == "mysql"

    def init(self, *units: str) -> None:
        """Write the cloud file with `onward init`, and then, by hand, the commands of these units."""
        ended = self.operator.call(
            "init", "--from-config", self.configuration, "--series", SOURCE, "--name", "example", "--force"
        )
        assert ended.status == 0, ended.err
        program, url_file = self.home / "unit.py", self.home / "unit.url"
        program.write_text(_UNIT_PROGRAM)
        url_file.write_text(self.url.render_as_string(hide_password=False))
        url_file.chmod(0o600)

        def command(verb: str, unit: str) -> list[str]:
            return [sys.executable, str(program), verb, unit, str(self.ledger), str(url_file)]

        file = self.operator.home / "cloud.yaml"
        cloud = yaml.safe_load(file.read_text())
        cloud["services"]["keystone"]["units"] = [
            {"name": unit, "stop": command("stop", unit), "start": command("start", unit)} for unit in units
        ]
        file.write_text(yaml.safe_dump(cloud))

    def plan(self, target: str) -> str:
        """Plan an upgrade into plan.json; its digest."""
        ended = self.operator.call("plan", "upgrade", "--to", target, "-o", "plan.json")
        assert ended.status == 0, ended.err
        return str(json.loads((self.operator.home / "plan.json").read_text())["digest"])

    def ledger_lines(self) -> list[str]:
        return self.ledger.read_text().splitlines() if self.ledger.exists() else []

    def execute(self, statement: str) -> None:
        """What somebody does to the database by hand."""
        engine = create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def heads(self) -> list[str]:
        engine = create_engine(self.url)
        try:
            with engine.connect() as connection:
                rows = connection.execute(text("SELECT version_num FROM alembic_version"))
                return sorted(str(row[0]) for row in rows)
        finally:
            engine.dispose()

    def content(self) -> list[object]:
        """Everything in the database, or a sum over it: equal for equal databases."""
        return content_of(self.url)


def content_of(url: URL) -> list[object]:
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(f"file:{url.database}?mode=ro", uri=True)) as connection:
            return list(connection.iterdump())
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            tables = [str(row[0]) for row in connection.execute(text("SHOW TABLES"))]
            made = [connection.execute(text(f"SHOW CREATE TABLE `{table}`")).one()[1] for table in tables]
            names = ", ".join(f"`{table}`" for table in tables)
            sums = [row[1] for row in connection.execute(text(f"CHECKSUM TABLE {names}"))]
            return [*zip(tables, made, sums, strict=True)]
    finally:
        engine.dispose()


def fresh_mariadb(server: PrivateMariadb, dump: Path, database: str) -> URL:
    """A database with the dump's content, a user of Keystone's for it, and one who may only read it."""
    sql(
        server,
        f"DROP DATABASE IF EXISTS `{database}`",
        f"CREATE DATABASE `{database}`",
        f"CREATE USER IF NOT EXISTS '{SERVICE_USER}'@'localhost' IDENTIFIED BY '{SERVICE_PASSWORD}'",
        f"GRANT ALL ON `{database}`.* TO '{SERVICE_USER}'@'localhost'",
        f"CREATE USER IF NOT EXISTS '{READER}'@'localhost' IDENTIFIED BY '{READER_PASSWORD}'",
        f"GRANT SELECT ON `{database}`.* TO '{READER}'@'localhost'",
    )
    with dump.open("rb") as stream:
        load(stream, server.url(database))
    return server.url(database).set(username=SERVICE_USER, password=SERVICE_PASSWORD)


def fresh_sqlite(original: Path, directory: Path) -> URL:
    copy_sqlite(original, directory / "keystone.sqlite")
    return URL.create("sqlite", database=str(directory / "keystone.sqlite"))


@contextmanager
def held_open(url: URL) -> Iterator[str]:
    """Somebody else who is connected to the database; the words by which they can be recognised."""
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database))) as connection:
            connection.execute("SELECT count(*) FROM user").fetchone()
            yield "process"
        return
    with closing(
        pymysql.connect(
            unix_socket=str(url.query["unix_socket"]),
            user=str(url.username),
            password=str(url.password),
            database=str(url.database),
        )
    ) as connection:
        yield f"connection {connection.thread_id()}"


def reader_url(url: URL) -> str:
    """How whoever may only read names the database on the command line: without a password."""
    return (
        f"mysql+pymysql://{READER}@localhost/{url.database}"
        f"?unix_socket={quote(str(url.query['unix_socket']), safe='/')}"
    )
