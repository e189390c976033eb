"""Real services of real releases behind real uWSGI, with this package in their process."""

import http.client
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uv

from onward.hosts.guard import guarded
from onward.hosts.mariadb import PrivateMariadb

PACKAGE = Path(__file__).parents[1]
PASSWORD = "Serv1ce-Secret-0f-Keystone"
DATABASE_PASSWORD = "Data8ase-Secret"
SECONDS = 240.0

_PREPARE = """
import os, sys
from keystone.cmd import manage
configuration, user, url = sys.argv[1:]
owner = ["--keystone-user", user, "--keystone-group", user]
# Whoever validates tokens looks for Keystone in its catalogue.
places = [word for network in ("public", "internal", "admin") for word in (f"--bootstrap-{network}-url", url)]
bootstrap = ["bootstrap", "--bootstrap-region-id", "RegionOne", *places]
for words in (["db_sync"], ["fernet_setup", *owner], ["credential_setup", *owner], bootstrap):
    child = os.fork()
    if not child:
        sys.argv = ["keystone-manage", "--config-file", configuration, *words]
        sys.exit(manage.main())
    if os.waitpid(child, 0)[1]:
        sys.exit(f"keystone-manage {words[0]} failed")
"""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def installed(target: Path) -> Path:
    """This package alone, with its entry points, in a directory for PYTHONPATH."""
    argv = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(PACKAGE)]
    subprocess.run(argv, check=True, capture_output=True, text=True)
    return target


def until(met: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Poll until something is so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := met():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not so after {seconds:.0f} s")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def call(
    port: int, path: str, method: str = "GET", body: Any = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        words = None if body is None else json.dumps(body)
        connection.request(method, path, words, {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


class Database:
    """A private MariaDB with one user who has a password."""

    def __init__(self, server: PrivateMariadb) -> None:
        self.server = server

    def make(self, name: str) -> str:
        """A database; the words with which a service connects to it."""
        from sqlalchemy import create_engine, text

        engine = create_engine(self.server.url("mysql"))
        with engine.begin() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
            connection.execute(text(f"CREATE OR REPLACE USER service@localhost IDENTIFIED BY '{DATABASE_PASSWORD}'"))
            connection.execute(text("GRANT ALL ON *.* TO service@localhost"))
        engine.dispose()
        # Alembic's configuration would take a quoted slash, %2F, for a variable.
        place = self.server.socket
        return f"mysql+pymysql://service:{DATABASE_PASSWORD}@localhost/{name}?unix_socket={place}&charset=utf8"


class Served:
    """A service of one release behind uWSGI."""

    name = ""
    application = ""
    ready = "/"
    environment_words: Mapping[str, str] = {}

    def __init__(self, home: Path, python: Path, package: Path) -> None:
        self.home = home
        self.python = python
        self.package = package
        self.port = free_port()
        self.master = 0
        self.state = home / "onward.health"
        home.mkdir(parents=True, exist_ok=True)

    def variables(self) -> dict[str, str]:
        """Where the service finds its configuration."""
        raise NotImplementedError

    def run(self, program: str, *words: str, **variables: str) -> None:
        """One of the service's own commands, in its environment."""
        argv = [str(self.python), "-c", program, *words]
        environment = os.environ | self.variables() | variables
        ended = subprocess.run(argv, env=environment, check=False, capture_output=True, text=True)
        assert ended.returncode == 0, ended.stderr + ended.stdout

    @contextmanager
    def serving(self, workers: int = 1, wrapped: bool = True, **options: str) -> Iterator[int]:
        """uWSGI with this service in it; the process identifier of its master."""
        words = ";".join(f"{name}={value}" for name, value in ({"service": self.name} | options).items())
        settings = {
            "http-socket": f"127.0.0.1:{self.port}",
            "module": "onward_service.application:application" if wrapped else self.application,
            "master": "true",
            "processes": str(workers),
            "enable-threads": "true",
            "lazy-apps": "true",
            "need-app": "true",
            "die-on-term": "true",
            "no-orphans": "true",
            "buffer-size": "65535",
            "disable-logging": "true",
            "add-header": "Connection: close",
        }
        file = self.home / "uwsgi.ini"
        file.write_text("\n".join(["[uwsgi]", *(f"{key} = {value}" for key, value in settings.items())]) + "\n")
        environment = os.environ | {
            **self.variables(),
            "ONWARD_SERVICE_APPLICATION": self.application,
            "ONWARD_SERVICE_OPTIONS": words,
            "PYTHONPATH": str(self.package),
            "UWSGI_VIRTUALENV": str(self.python.parents[1]),
        }
        argv = [str(self.python.parent / "uwsgi"), "--ini", str(file)]
        with guarded(argv, self.home / "uwsgi.log", environment=environment, stop_timeout=10) as process:
            self.master = process.pid
            until(self.answers)
            yield process.pid

    def answers(self) -> bool:
        try:
            return call(self.port, self.ready).status in (200, 300)
        except OSError:
            return False


class ServedKeystone(Served):
    """Keystone of one release, from nothing to an administrator who can log in."""

    name = "keystone"
    application = "keystone.wsgi.api:application"
    ready = "/v3"

    def __init__(self, home: Path, python: Path, connection: str, package: Path) -> None:
        super().__init__(home, python, package)
        self.configuration = home / "keystone.conf"
        self.configuration.write_text(
            f"[DEFAULT]\nlog_dir = {home}\n[database]\nconnection = {connection}\n"
            f"max_pool_size = 2\nmax_retries = 1\nretry_interval = 1\n"
            f"[fernet_tokens]\nkey_repository = {home}/keys\n[fernet_receipts]\nkey_repository = {home}/keys\n"
            f"[credential]\nkey_repository = {home}/credential-keys\n[oslo_messaging_notifications]\ndriver = noop\n"
        )
        self.configuration.chmod(0o600)

    def variables(self) -> dict[str, str]:
        return {"OS_KEYSTONE_CONFIG_FILES": str(self.configuration), "OS_KEYSTONE_CONFIG_DIR": str(self.home)}

    def prepare(self) -> None:
        """All that Keystone's manual says, in one process, since most of it is importing Keystone."""
        url = f"http://127.0.0.1:{self.port}/v3"
        self.run(_PREPARE, str(self.configuration), str(os.getuid()), url, OS_BOOTSTRAP_PASSWORD=PASSWORD)

    def token(self) -> str:
        """Log in as the administrator."""
        user = {"name": "admin", "domain": {"id": "default"}, "password": PASSWORD}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        answer = call(self.port, "/v3/auth/tokens", "POST", body)
        assert answer.status == 201, answer.body
        return answer.headers["x-subject-token"]


class ServedGlance(Served):
    """Glance of one release with its own api-paste.ini, in which the filter is the first."""

    name = "glance"
    application = "glance.wsgi.api:application"

    def __init__(
        self,
        home: Path,
        python: Path,
        connection: str,
        package: Path,
        identity: str,
        filtered: bool = True,
        caches_tokens: bool = True,
    ) -> None:
        super().__init__(home, python, package)
        paste = (python.parents[1] / "etc" / "glance" / "glance-api-paste.ini").read_text()
        if filtered:
            paste = re.sub(r"(?m)^(keystone|pipeline) = (.*authtoken)", r"\1 = onward_health \2", paste)
            paste += "\n[filter:onward_health]\nuse = egg:onward-service#onward_health\nservice = glance\n"
            paste += f"state_file = {self.state}\ndetail_sources = 127.0.0.1/32\ndetail_roles = admin\n"
        (home / "paste.ini").write_text(paste)
        configuration = home / "glance-api.conf"
        configuration.write_text(
            f"[DEFAULT]\nenabled_backends = files:file\nlog_dir = {home}\n"
            f"[database]\nconnection = {connection}\nmax_retries = 1\nretry_interval = 1\n"
            f"[glance_store]\ndefault_backend = files\n[files]\nfilesystem_store_datadir = {home}/images\n"
            f"[os_glance_staging_store]\nfilesystem_store_datadir = {home}/staging\n"
            f"[os_glance_tasks_store]\nfilesystem_store_datadir = {home}/tasks\n"
            f"[paste_deploy]\nflavor = keystone\nconfig_file = {home}/paste.ini\n"
            f"[keystone_authtoken]\nauth_url = {identity}\nwww_authenticate_uri = {identity}\nauth_type = password\n"
            f"username = admin\npassword = {PASSWORD}\nproject_name = admin\nuser_domain_id = default\n"
            f"project_domain_id = default\nservice_token_roles_required = true\nhttp_request_max_retries = 0\n"
            f"token_cache_time = {300 if caches_tokens else -1}\n"
            f"[oslo_messaging_notifications]\ndriver = noop\n"
        )
        configuration.chmod(0o600)

    def variables(self) -> dict[str, str]:
        return {"OS_GLANCE_CONFIG_DIR": str(self.home)}

    def prepare(self) -> None:
        program = "import sys; from glance.cmd.manage import main; sys.argv[0] = 'glance-manage'; sys.exit(main())"
        self.run(program, "--config-file", str(self.home / "glance-api.conf"), "db", "sync")
