"""Databases of services as their own code makes them, on a server of the test's, and the files that lead to them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql

from onward.catalog.load import in_force, recipe
from onward.catalog.migrations import migration_commands, migration_modules
from onward.catalog.service import Command
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.runner import Runner, warm_runner

Environment = Callable[[str, str], Path]
"""The interpreter in the environment of a service of a series."""


@dataclass(frozen=True)
class Server:
    """Where the databases are."""

    mariadb: PrivateMariadb
    directory: Path

    def sql(self, database: str, *statements: str) -> list[tuple[object, ...]]:
        """What the last statement answers."""
        with closing(
            pymysql.connect(unix_socket=str(self.mariadb.socket), user="root", database=database)
        ) as connection:
            cursor = connection.cursor()
            for each in statements:
                cursor.execute(each)
            connection.commit()
            return list(cursor.fetchall())

    def url(self, database: str) -> str:
        return f"mysql+pymysql://root@localhost/{database}?unix_socket={self.mariadb.socket}&charset=utf8"

    def configured(self, service: str, options: Mapping[tuple[str, str], str], name: str = "") -> Path:
        """A configuration file that names these databases, which are made."""
        directory = self.directory / (name or service)
        file = directory / {"barbican": ".barbican/barbican.conf"}.get(service, f"{service}.conf")
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = []
        for (group, option), database in options.items():
            with closing(pymysql.connect(unix_socket=str(self.mariadb.socket), user="root")) as connection:
                connection.cursor().execute(f"CREATE DATABASE IF NOT EXISTS `{database}` CHARACTER SET utf8mb3")
            lines += [f"[{group}]", f"{option} = {self.url(database)}"]
        file.write_text("\n".join(lines) + "\n")
        return file

    def contents(self, database: str) -> dict[str, int]:
        """The checksum of each table."""
        tables = ", ".join(f"`{row[0]}`" for row in self.sql(database, "SHOW TABLES"))
        return {str(row[0]): int(str(row[1] or 0)) for row in self.sql(database, f"CHECKSUM TABLE {tables}")}


@contextmanager
def server(directory: Path) -> Iterator[Server]:
    with PrivateMariadb(directory / "source", directory / "source.log") as mariadb:
        yield Server(mariadb, directory / "etc")


@contextmanager
def release(environment: Environment, service: str, series: str, log: Path) -> Iterator[Runner]:
    """A release's code, imported."""
    known = recipe(service)
    modules = (*known.warm_modules, *migration_modules(known))
    with warm_runner(environment(service, series), modules, log, known.variables) as runner:
        yield runner


def run(runner: Runner, command: Command, file: Path, log: Path) -> None:
    outcome = runner.run(command, configuration=[file], log=log, environment={"HOME": str(file.parents[1])})
    assert outcome.exit_status in (0, *command.done_before), f"{command.name}: {outcome.tail()}"


def make_schema(environment: Environment, service: str, series: str, file: Path, log: Path) -> None:
    """An empty database of a service at a series."""
    with release(environment, service, series, log) as runner:
        for command in in_force(migration_commands(recipe(service)), series):
            run(runner, command, file, log)
