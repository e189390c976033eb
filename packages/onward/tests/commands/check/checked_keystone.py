"""A real Keystone of one series to be checked, and the cloud file that describes it."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import yaml

from onward.catalog.load import in_force, recipe
from onward.hosts.runner import Runner, ServedApi, warm_runner

SOURCE = "2023.1"
PASSWORD = "an-administrator's-password"


@dataclass(frozen=True)
class Keystone:
    """An installation of Keystone of one series, and the cloud file that describes it."""

    directory: Path
    python: Path
    series: str = SOURCE

    @property
    def configuration(self) -> Path:
        return self.directory / "keystone.conf"

    @property
    def database(self) -> Path:
        return self.directory / "keystone.db"

    @property
    def cloud_file(self) -> Path:
        return self.directory / "cloud.yaml"

    def write(self, connection: str = "", credential_keys: Path | None = None, **infrastructure: Any) -> None:
        """Write the configuration and the cloud file; nobody's credentials are used unless that is said."""
        keys = f"key_repository = {self.directory}/keys"
        connection = connection or f"sqlite:///{self.database}"
        self.configuration.write_text(
            f"[database]\nconnection = {connection}\n[fernet_tokens]\n{keys}\n[fernet_receipts]\n{keys}\n"
            f"[credential]\nkey_repository = {credential_keys or self.directory / 'keys'}\n"
            "[cache]\nenabled = true\nbackend = dogpile.cache.memory\n"
        )
        service = {"series": self.series, "configuration": [str(self.configuration)]}
        described = {"identity": {"ask": False}, **infrastructure}
        self.cloud_file.write_text(
            yaml.safe_dump({"cloud": "example", "services": {"keystone": service}, "infrastructure": described})
        )

    @contextmanager
    def runner(self) -> Iterator[Runner]:
        with warm_runner(self.python, recipe("keystone").warm_modules, self.directory / "runner.log") as runner:
            yield runner

    def bootstrap(self, runner: Runner) -> None:
        (self.directory / "keys").mkdir(mode=0o700, exist_ok=True)
        for command in in_force(recipe("keystone").bootstrap, self.series):
            outcome = runner.run(
                command,
                configuration=[self.configuration],
                log=self.directory / f"{command.name}.log",
                environment={"OS_BOOTSTRAP_PASSWORD": PASSWORD},
            )
            assert outcome.exit_status == 0, outcome.tail()

    @contextmanager
    def served(self) -> Iterator[ServedApi]:
        process = recipe("keystone").processes[0]
        (application,) = in_force(process.applications, self.series)
        with (
            self.runner() as runner,
            runner.serve(
                application,
                configuration=[self.configuration],
                log=self.directory / "api.log",
                health_path=process.health_path,
                workers=1,  # Two of them may lock each other out of a SQLite database for good.
            ) as api,
        ):
            self._publish(f"{api.url}/v3")
            yield api

    def _publish(self, url: str) -> None:
        """Have the catalogue name the API's real address, which is known only once it listens."""
        with closing(sqlite3.connect(self.database)) as connection:
            own = "service_id IN (SELECT id FROM service WHERE type = 'identity')"
            connection.execute(f"UPDATE endpoint SET url = ? WHERE {own}", (url,))
            connection.commit()


def token(api: ServedApi) -> str:
    """A token of the administrator."""
    domain = {"id": "default"}
    user = {"name": "admin", "domain": domain, "password": PASSWORD}
    scope = {"project": {"name": "admin", "domain": domain}}
    body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
    return str(posted(api, "/auth/tokens", body).headers["X-Subject-Token"])


def posted(api: ServedApi, path: str, body: dict[str, Any], token: str | None = None) -> requests.Response:
    """The answer to a POST; whoever reads the SQLite database may lock the API out for a moment."""
    deadline = time.monotonic() + 60
    headers = {"X-Auth-Token": token} if token else {}
    while True:
        answer = requests.post(f"{api.url}/v3{path}", json=body, headers=headers, timeout=60)
        if answer.status_code != requests.codes.server_error or time.monotonic() > deadline:
            assert answer.status_code == requests.codes.created, answer.text
            return answer
