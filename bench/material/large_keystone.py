"""Enlarges a real Keystone database to a number of rows, spread over its tables as a cloud in use has them.

The schema and the first rows come from a release itself (see :mod:`material.source_cloud`). What is added are teams: a
project with its people, what they may do, their passwords, keys and application credentials, and what was revoked
over time. Secrets that cannot be made without the release's own code (hashed passwords, encrypted credentials) are
those of real rows. Foreign keys are in force while rows are added.
"""

import gzip
import hashlib
import shutil
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, MetaData, event, func, select

from material.source_cloud import make_cloud
from onward.catalog.load import recipe
from onward.hosts.mariadb import PrivateMariadb
from onward.hosts.mariadb_client import dump
from onward.hosts.state import Directories

TEAMS_AT_ONCE = 200
PEOPLE = 4
"""People of a team with a password; one more comes from a directory server."""
_BEGAN = datetime(2020, 1, 1)

# In an order in which every row's parents are there before it.
_TABLES = (
    "project",
    "project_tag",
    "user",
    "local_user",
    "password",
    "nonlocal_user",
    "id_mapping",
    "user_option",
    "group",
    "user_group_membership",
    "assignment",
    "credential",
    "application_credential",
    "application_credential_role",
    "trust",
    "trust_role",
    "limit",
    "revocation_event",
)

Row = dict[str, Any]
Rows = dict[str, list[Row]]


def enlarge(url: URL, rows: int) -> dict[str, int]:
    """Add rows to Keystone's database until it has ``rows`` in all; return how many each table has.

    The tables of the migration tools do not count. Raises ValueError where there are more already.
    """
    engine = sqlalchemy.create_engine(url)
    if url.get_backend_name() == "sqlite":

        @event.listens_for(engine, "connect")
        def _on_connect(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = OFF")

    try:
        schema = MetaData()
        schema.reflect(engine)
        with engine.begin() as connection:
            missing = rows - sum(_counts(connection, schema).values())
            if missing < 0:
                raise ValueError(f"the database has {-missing} rows more than {rows}")
            teams = _Teams(connection, schema)
            for batch in teams.batches(missing):
                for name in _TABLES:
                    if batch[name]:
                        connection.execute(schema.tables[name].insert(), batch[name])
            return _counts(connection, schema)
    finally:
        engine.dispose()


@dataclass(frozen=True)
class LargeDatabase:
    """A generated database, in a file that is there until the next one is asked for."""

    rows: int
    file: Path
    words: tuple[str, str]
    """How ``onward rehearse`` is told of it."""
    seconds: float
    """How long it took to make."""


def large_databases(
    directory: Path, cache: Path, backend: str, source: str, target: str, sizes: Iterable[int]
) -> Iterator[LargeDatabase]:
    """Databases of these sizes, each larger than the one before, at the series ``source``.

    An SQLite file, or the dump of a MariaDB. The cloud that they grow from is made in ``directory``, by a rehearsal
    to ``target`` that ends there.
    """
    directories = Directories(directory / "source", cache).prepared()
    cloud = make_cloud(directories, source, target, size="small", scratch=backend)
    for rows in sizes:
        began = time.monotonic()
        if backend == "sqlite":
            file = directory / f"{rows}.sqlite"
            shutil.copy(cloud.sqlite, file)
            enlarge(URL.create("sqlite", database=str(file)), rows)
            words = ("--copy-of", f"sqlite:///{file}")
        else:
            file = directory / f"{rows}.sql.gz"
            with PrivateMariadb(cloud.workspace / "scratch" / "server", directory / "mariadb.log") as server:
                _dump(server.url("keystone"), file, rows)
            words = ("--dump", f"keystone={file}")
        yield LargeDatabase(rows, file, words, time.monotonic() - began)
        file.unlink()


def _dump(url: URL, file: Path, rows: int) -> None:
    """Enlarge a database in MariaDB, and dump it."""
    enlarge(url, rows)
    with dump(url) as stream, gzip.open(file, "wb", compresslevel=1) as compressed:
        shutil.copyfileobj(stream, compressed, 1 << 20)


def _counts(connection: Connection, schema: MetaData) -> dict[str, int]:
    bookkeeping = recipe("keystone").census.bookkeeping
    return {
        name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for name, table in schema.tables.items()
        if name not in bookkeeping
    }


@dataclass(frozen=True)
class _Real:
    """What is taken from the rows that the release itself made."""

    domains: list[str]
    roles: list[str]
    registered_limit: str
    password: str
    secret: str
    credential: Row
    """Of a credential: type, key_hash and encrypted_blob."""
    last: dict[str, int]
    """The highest number in each column that counts up."""


class _Teams:
    """Makes rows. Everything in them follows from the team's number, so that two databases of a size are the same."""

    def __init__(self, connection: Connection, schema: MetaData) -> None:
        self._real = _real(connection, schema)
        self._first = int(connection.execute(select(func.count()).select_from(schema.tables["project"])).scalar_one())

    def batches(self, rows: int) -> Iterator[Rows]:
        """Exactly this many rows: whole teams, and events of revocation for what no team fits into."""
        size = sum(map(len, self._team(self._first).values()))
        teams, rest = divmod(rows, size)
        for begin in range(0, teams, TEAMS_AT_ONCE):
            batch: Rows = defaultdict(list)
            for number in range(begin, min(begin + TEAMS_AT_ONCE, teams)):
                for name, made in self._team(self._first + number).items():
                    batch[name] += made
            yield batch
        revoked: Rows = defaultdict(list)
        project = _identifier("project of nobody", self._first)
        revoked["revocation_event"] = [self._revoked(-1 - number, {"project_id": project}) for number in range(rest)]
        yield revoked

    def _team(self, team: int) -> Rows:
        real = self._real
        domain = real.domains[team % len(real.domains)]
        project, group = _identifier("project", team), _identifier("group", team)
        people = [_identifier("user", team * PEOPLE + each) for each in range(PEOPLE)]
        guest = _identifier("directory user", team)
        role, other = real.roles[team % len(real.roles)], real.roles[(team + 1) % len(real.roles)]
        return {
            "project": [
                {
                    "id": project,
                    "name": f"team-{team:06}",
                    "extra": "{}",
                    "description": f"Проект № {team}",
                    "enabled": True,
                    "domain_id": domain,
                    "parent_id": domain,
                    "is_domain": False,
                }
            ],
            "project_tag": [{"project_id": project, "name": f"cost-centre-{team % 97}"}],
            "user": [
                {
                    "id": each,
                    "extra": f'{{"email": "{each[:8]}@example.org", "description": "Zo\\u00eb {place}"}}',
                    "enabled": place != 3 or team % 10 > 0,
                    "default_project_id": project if place % 2 else None,
                    "created_at": _at(team),
                    "last_active_at": _at(team + place).date(),
                    "domain_id": domain,
                }
                for place, each in enumerate([*people, guest])
            ],
            **self._ways_in(team, domain, project, people, guest),
            "group": [{"id": group, "domain_id": domain, "name": f"group-{team:06}", "description": "", "extra": "{}"}],
            "user_group_membership": [{"user_id": each, "group_id": group} for each in people],
            "assignment": [
                *(_assignment("UserProject", each, project, held) for each in people for held in (role, other)),
                *(_assignment("UserDomain", each, domain, role) for each in people[:2]),
                _assignment("GroupProject", group, project, other),
                _assignment("UserProject", guest, project, role),
            ],
            "limit": [
                {
                    "id": _identifier("limit", team),
                    "project_id": project,
                    "resource_limit": 10 + team % 90,
                    "description": None,
                    "internal_id": self._next("limit", team),
                    "registered_limit_id": real.registered_limit,
                    "domain_id": None,
                }
            ],
            "revocation_event": [self._revoked(team * PEOPLE + n, {"user_id": each}) for n, each in enumerate(people)],
        }

    def _ways_in(self, team: int, domain: str, project: str, people: list[str], guest: str) -> Rows:
        """Passwords, credentials, application credentials and trusts."""
        real = self._real
        local = [self._next("local_user", team * PEOPLE + each) for each in range(PEOPLE)]
        passwords = [*local, local[0]]  # One has changed it once.
        created = int(_at(team).timestamp() * 1_000_000)
        application, trust = self._next("application_credential", team), _identifier("trust", team)
        role = real.roles[team % len(real.roles)]
        return {
            "local_user": [
                {"id": number, "user_id": each, "domain_id": domain, "name": f"person-{number:07}"}
                for number, each in zip(local, people, strict=True)
            ],
            "password": [
                {
                    "id": self._next("password", team * len(passwords) + place),
                    "local_user_id": number,
                    "self_service": place == PEOPLE,
                    "password_hash": real.password,
                    "created_at": _at(team),
                    "created_at_int": created + place,
                    "expires_at_int": None if place < PEOPLE else created + 1_000_000,
                }
                for place, number in enumerate(passwords)
            ],
            "nonlocal_user": [{"domain_id": domain, "name": f"guest-{team:06}", "user_id": guest}],
            "id_mapping": [
                {"public_id": guest, "domain_id": domain, "local_id": f"uid={team},ou=people", "entity_type": "user"}
            ],
            "user_option": [{"user_id": people[1], "option_id": "1001", "option_value": "true"}],
            "credential": [
                {"id": _identifier("credential", team), "user_id": people[0], "project_id": project, "extra": "{}"}
                | real.credential
            ],
            "application_credential": [
                {
                    "internal_id": application,
                    "id": _identifier("application credential", team),
                    "name": "backup",
                    "secret_hash": real.secret,
                    "description": "für die Sicherung",
                    "user_id": people[0],
                    "project_id": project,
                    "unrestricted": False,
                }
            ],
            "application_credential_role": [{"application_credential_id": application, "role_id": role}],
            "trust": [
                {
                    "id": trust,
                    "trustor_user_id": people[0],
                    "trustee_user_id": people[1],
                    "project_id": project,
                    "impersonation": True,
                    "extra": f'{{"roles": [{{"id": "{role}"}}]}}',
                    "redelegation_count": 0,
                }
            ],
            "trust_role": [{"trust_id": trust, "role_id": role}],
        }

    def _next(self, table: str, number: int) -> int:
        return self._real.last[table] + 1 + number

    def _revoked(self, number: int, what: Row) -> Row:
        """An event of revocation; the database numbers them."""
        at = _at(abs(number))
        return {"project_id": None, "user_id": None, "issued_before": at, "revoked_at": at, **what}


def _real(connection: Connection, schema: MetaData) -> _Real:
    tables = schema.tables
    project, role, credential = tables["project"], tables["role"], tables["credential"]

    def column(statement: Any) -> list[Any]:
        return sorted(row[0] for row in connection.execute(statement))

    found = connection.execute(select(credential.c.type, credential.c.key_hash, credential.c.encrypted_blob))
    numbered = {
        "local_user": "id",
        "password": "id",
        "application_credential": "internal_id",
        "limit": "internal_id",
    }
    return _Real(
        domains=column(select(project.c.id).where(project.c.is_domain, project.c.id.not_like("<<%"))),
        roles=column(select(role.c.id).where(role.c.domain_id == "<<null>>")),
        registered_limit=column(select(tables["registered_limit"].c.id))[0],
        password=column(select(tables["password"].c.password_hash))[0],
        secret=column(select(tables["application_credential"].c.secret_hash))[0],
        credential=dict(next(iter(found.mappings()))),
        last={
            name: int(connection.execute(select(func.coalesce(func.max(tables[name].c[key]), 0))).scalar_one())
            for name, key in numbered.items()
        },
    )


def _assignment(kind: str, actor: str, target: str, role: str) -> Row:
    return {"type": kind, "actor_id": actor, "target_id": target, "role_id": role, "inherited": False}


def _identifier(kind: str, number: int) -> str:
    """32 hexadecimal digits, as Keystone gives them to everything."""
    return hashlib.blake2b(f"{kind} {number}".encode(), digest_size=16).hexdigest()


def _at(number: int) -> datetime:
    """A moment in the cloud's history."""
    return _BEGAN + timedelta(minutes=number, microseconds=number % 1_000_000)
