"""Nova, Cinder and Placement of one series, each with the schema that its own code makes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import yaml
from mariadb_data import sql
from sqlalchemy import create_engine, text

from onward.catalog.load import recipe, series_list
from onward.catalog.service import Command
from onward.checks.finding import Finding
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.runner import CommandOutcome, Runner, warm_runner
from onward.hosts.state import Directories
from onward.survey.checks.check import Check
from onward.survey.checks.context import CheckContext
from onward.survey.checks.runner import run_checks
from onward.survey.cloud import load_cloud

CELL = "cell-one"
READER = "reader"
"""A user of the server's who may only read."""

Done = TypeVar("Done")


def ago(seconds: float) -> str:
    """A time in the past, in UTC, as the services write it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")


DATABASES = {
    "nova": {"database": "cell0", "api_database": "api"},
    "cinder": {"database": "cinder"},
    "placement": {"placement_database": "placement"},
    "designate": {"storage:sqlalchemy": "designate"},
}


@dataclass(frozen=True)
class RealService:
    """A service with databases of its own: on SQLite, or on a private server."""

    service: str
    series: str
    directory: Path
    runner: Runner | None
    server: PrivateMariadb | None = None

    @property
    def configuration(self) -> Path:
        return self.directory / f"{self.service}.conf"

    def database(self, name: str) -> Path:
        """The file of SQLite's."""
        return self.directory / f"{name}.db"

    def url(self, name: str) -> str:
        if self.server is None:
            return f"sqlite:///{self.database(name)}"
        return self.server.url(name).render_as_string(hide_password=False).replace("%2F", "/")

    def write(self, further: str = "") -> None:
        """The configuration, with more at its end."""
        lines = [f"[{group}]\nconnection = {self.url(name)}\n" for group, name in self._databases().items()]
        state = f"[DEFAULT]\nstate_path = {self.directory}\ntransport_url = fake:///\n"
        self.configuration.write_text(state + "".join(lines) + further)

    def manage(self, *words: str) -> CommandOutcome:
        """Run ``SERVICE-manage`` of the release."""
        return self._run("manage", words)

    def status(self, *words: str) -> CommandOutcome:
        """Run ``SERVICE-status`` of the release."""
        return self._run("status", words)

    def _run(self, program: str, words: tuple[str, ...]) -> CommandOutcome:
        command = Command(
            name=program,
            module=f"{self.service}.cmd.{program}",
            argv=(f"{self.service}-{program}", *words),
            source="the test",
        )
        log = self.directory / f"{program}.log"
        assert self.runner is not None
        return self.runner.run(command, configuration=[self.configuration], log=log, timeout_seconds=500)

    def make_empty(self) -> None:
        """Databases without a schema, and the configuration that names them."""
        self.write()
        if self.server is None:
            return
        sql(self.server, f"CREATE USER IF NOT EXISTS {READER}@localhost")
        for name in {*self._databases().values(), "cell1"}:
            sql(self.server, f"CREATE DATABASE IF NOT EXISTS {name}")
            sql(self.server, f"GRANT SELECT ON {name}.* TO {READER}@localhost")

    def _databases(self) -> dict[str, str]:
        return DATABASES.get(self.service, {"database": self.service})

    def make(self) -> None:
        """The schema, and for nova a cell besides cell0."""
        self.make_empty()
        cell = ["--name", CELL, "--database_connection", self.url("cell1"), "--transport-url", "fake:///"]
        steps = {
            "nova": [
                ["api_db", "sync"],
                ["cell_v2", "map_cell0", "--database_connection", self.url("cell0")],
                ["cell_v2", "create_cell", *cell],
                ["db", "sync"],
            ],
            "cinder": [["db", "sync"]],
            "placement": [["db", "sync"]],
        }
        outcomes = [self.manage(*words) for words in steps[self.service]]
        if self.service == "nova":
            outcomes.append(self.in_cell(lambda: self.manage("db", "sync", "--local_cell")))
        for outcome in outcomes:
            assert outcome.exit_status == 0, outcome.tail()

    def in_cell(self, work: Callable[[], Done]) -> Done:
        """What is to be done with the configuration of nova's cell; the other is that of cell0."""
        before = self.configuration.read_text()
        self.configuration.write_text(before.replace(self.url("cell0"), self.url("cell1")))
        try:
            return work()
        finally:
            self.configuration.write_text(before)

    def rows(self, database: str, statement: str, **values: Any) -> list[Any]:
        """What a statement answers; rows may name others that are not there."""
        engine = create_engine(self.url(database))
        with engine.begin() as connection:
            if self.server is not None:
                connection.execute(text("SET SESSION foreign_key_checks = 0"))
            answer = connection.execute(text(statement), values)
            found = list(answer) if answer.returns_rows else []
        engine.dispose()
        return found

    def plant(self, database: str, table: str, **values: Any) -> None:
        """Add a row."""
        columns = ", ".join(f"`{name}`" for name in values)
        self.rows(database, f"INSERT INTO {table} ({columns}) VALUES (:{', :'.join(values)})", **values)

    @property
    def cloud_file(self) -> Path:
        return self.directory / "cloud.yaml"

    def describe(self) -> None:
        """Write the cloud file."""
        service = {"series": self.series, "configuration": [str(self.configuration)]}
        described = {"services": {self.service: service}, "infrastructure": {"identity": {"ask": False}}}
        self.cloud_file.write_text(yaml.safe_dump({"cloud": "example", **described}))

    def findings(self, check: Check, directories: Directories, target: str | None = None) -> list[Finding]:
        """What one check says of it. On a server it reads with an account that may only read."""
        self.describe()
        cloud = load_cloud(self.cloud_file)
        series = series_list().find(target) if target else None
        written = self.configuration.read_text()
        self.configuration.write_text(written.replace("://root@", f"://{READER}@"))
        try:
            with CheckContext(directories, cloud, cloud.services, target=series) as context:
                return run_checks([check], context)
        finally:
            self.configuration.write_text(written)


@contextmanager
def real_service(
    service: str,
    series: str,
    directory: Path,
    environment: Callable[[str, str], Path],
    server: PrivateMariadb | None = None,
) -> Iterator[RealService]:
    """The schema is made by the release's own code."""
    known = recipe(service)
    directory.mkdir(parents=True, exist_ok=True)
    modules = [f"{service}.cmd.manage", "pymysql"]
    with warm_runner(environment(service, series), modules, directory / "runner.log", known.variables) as runner:
        made = RealService(service, series, directory, runner, server)
        made.make()
        yield made
