"""A cloud of ten services: each with the schema that its own release makes, on a private MariaDB."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql
import yaml

from onward.actions.build_environment import specification
from onward.catalog.load import in_force, recipe, series_list
from onward.catalog.service import Command
from onward.hosts.environments import build
from onward.hosts.interpreters import find_interpreters
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.runner import warm_runner
from onward.hosts.state import Directories
from onward.survey.environments import choose_environments
from onward.survey.options import EnvironmentWish

SERVICES = (
    "keystone",
    "glance",
    "placement",
    "nova",
    "neutron",
    "cinder",
    "barbican",
    "heat",
    "designate",
    "octavia",
)
PASSWORD = "bench"

# What each service's installation guide has typed; Keystone's are in its recipe.
COMMANDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "glance": (("glance.cmd.manage", "glance-manage db sync"),),
    "placement": (("placement.cmd.manage", "placement-manage db sync"),),
    "nova": (
        ("nova.cmd.manage", "nova-manage api_db sync"),
        ("nova.cmd.manage", "nova-manage cell_v2 map_cell0 --database_connection {nova_cell0}"),
        ("nova.cmd.manage", "nova-manage cell_v2 create_cell --name cell1"),
        ("nova.cmd.manage", "nova-manage db sync"),
    ),
    "neutron": (("neutron.db.migration.cli", "neutron-db-manage upgrade heads"),),
    "cinder": (("cinder.cmd.manage", "cinder-manage db sync"),),
    "barbican": (("barbican.cmd.barbican_manage", "barbican-manage db upgrade"),),
    "heat": (("heat.cmd.manage", "heat-manage db_sync"),),
    "designate": (("designate.cmd.manage", "designate-manage database sync"),),
    "octavia": (("octavia.db.migration.cli", "octavia-db-manage upgrade head"),),
}

# Where the connection is not [database]; what a service does not start without.
FURTHER: Mapping[str, str] = {
    "keystone": "[fernet_tokens]\nkey_repository = {keys}\n[fernet_receipts]\nkey_repository = {keys}\n"
    "[credential]\nkey_repository = {keys}\n",
    "glance": "[glance_store]\nfilesystem_store_datadir = {directory}/images\n",
    "placement": "[placement_database]\nconnection = {placement}\n",
    "nova": "[api_database]\nconnection = {nova_api}\n",
    "designate": "[storage:sqlalchemy]\nconnection = {designate}\n",
}
DATABASES = (*SERVICES, "nova_api", "nova_cell0")


@dataclass(frozen=True)
class TenServices:
    """The cloud's file, and where the configuration of each service is."""

    cloud_file: Path
    configuration: Mapping[str, Path]


@contextmanager
def ten_services(root: Path, directories: Directories, series: str, wish: EnvironmentWish) -> Iterator[TenServices]:
    """Ten services at a series, on a server that ends with the context."""
    with PrivateMariadb(root / "server", root / "server.log") as server:
        urls = {name: server.url(name).render_as_string(hide_password=False).replace("%2F", "/") for name in DATABASES}
        with pymysql.connect(unix_socket=str(server.socket), user="root") as connection, connection.cursor() as cursor:
            for name in DATABASES:
                cursor.execute(f"CREATE DATABASE {name}")
        (root / "keys").mkdir(mode=0o700)
        (root / ".barbican").mkdir()
        (root / ".barbican" / "barbican.conf").symlink_to(root / "barbican.conf")
        known = {**urls, "keys": str(root / "keys"), "directory": str(root)}
        files = {service: root / f"{service}.conf" for service in SERVICES}
        for service, file in files.items():
            common = f"[DEFAULT]\ntransport_url = fake:///\nstate_path = {root}\n" if service != "keystone" else ""
            own = f"[database]\nconnection = {urls[service]}\n" if service not in ("placement", "designate") else ""
            file.write_text(common + own + FURTHER.get(service, "").format(**known))
            _make(service, series, file, known, directories, wish)
        cloud_file = root / "cloud.yaml"
        services = {service: {"series": series, "configuration": [str(file)]} for service, file in files.items()}
        infrastructure = {"identity": {"ask": False}}
        cloud_file.write_text(yaml.safe_dump({"cloud": "ten", "services": services, "infrastructure": infrastructure}))
        yield TenServices(cloud_file, files)


def _make(
    service: str, series: str, file: Path, known: Mapping[str, str], directories: Directories, wish: EnvironmentWish
) -> None:
    """Its schema, by its own release's commands."""
    path = (series_list().find(series),)
    choice = choose_environments(directories, service, path, find_interpreters(), wish)[series]
    environment = build(specification(service, choice), directories)
    log = file.with_suffix(".log")
    with warm_runner(environment.python, (), log, recipe(service).variables) as runner:
        for command in _commands(service, series, known):
            # Barbican's migrations look for their configuration below HOME, and nowhere else.
            variables = {"OS_BOOTSTRAP_PASSWORD": PASSWORD, "HOME": str(file.parent)}
            outcome = runner.run(command, configuration=[file], log=log, environment=variables, timeout_seconds=300)
            if outcome.exit_status != 0:
                raise SystemExit(f"{command.argv}: {outcome.tail()}")


def _commands(service: str, series: str, known: Mapping[str, str]) -> Iterator[Command]:
    if service == "keystone":
        yield from in_force(recipe(service).bootstrap, series)
    for module, words in COMMANDS.get(service, ()):
        argv = tuple(word.format(**known) for word in words.split())
        yield Command(name=words, module=module, argv=argv, source="the installation guide of the service")
