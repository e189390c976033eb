"""Starts an identity service on the copy for as long as it is asked something, and knows its administrator."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from onward.actions.configure_service import configuration_files, database_url
from onward.actions.identity_secrets import IdentitySecrets
from onward.actions.lane import service_of
from onward.actions.warm_runner import command_log, runner_for
from onward.catalog.load import forward_recipe, in_force
from onward.catalog.service import Command
from onward.engine.action import StepContext
from onward.errors import ServiceDidNotStart, StepFailed
from onward.hosts.private_file import write_private
from onward.observe.identity import LONGEST_LIST, Administrator, IdentityApi, administrator
from onward.observe.identity_logins import Login

ADMINISTRATOR = "admin"
"""Whom ``bootstrap`` makes in a new cloud."""
GUEST_ADMINISTRATOR = "onward-rehearsal"
"""An administrator of a copy, who is not in the cloud that it was copied from."""
WORKERS = 2

# For the API alone, not for the commands. Without a cache, Keystone works out a token's roles several times a request:
# measured 95 ms of processor time, and 12 ms with it. Each API is started for one purpose, so that nothing in its
# cache is older than that. The cache keeps copies: with dogpile.cache.memory, which hands out what it was given,
# Keystone takes a cached credential apart and answers the next GET /v3/credentials with 500
# (keystone/credential/core.py, _decrypt_credential).
_API_CONFIGURATION = f"""\
[DEFAULT]
list_limit = {LONGEST_LIST}

[cache]
enabled = true
backend = dogpile.cache.memory_pickle

[database]
# The copy can be made again. It need not survive a power failure.
sqlite_synchronous = false
"""


@dataclass(frozen=True)
class RunningIdentity:
    """An identity service that answers, with an administrator's tokens."""

    api: IdentityApi
    name: str
    """The administrator's."""
    administrator: Administrator
    start_seconds: float
    """From the request to start until it answered."""

    def login(self) -> Login:
        """The administrator's own way in, for trying it again later. Raises StepFailed."""
        answer = self.api.validate(self.administrator.quick, self.administrator.quick)
        if not answer.ok:
            raise StepFailed("A new token of the administrator's is not valid.", evidence=answer.said())
        token = answer.body["token"]
        return Login(
            name=self.name,
            way="password",
            who=token["user"]["id"],
            secret=self.name,
            allowed=True,
            project_id=token["project"]["id"],
        )


@contextmanager
def running_identity(context: StepContext, series: str, name: str) -> Iterator[RunningIdentity]:
    """Serve the API of a series on the run's database while the context lasts.

    Raises ServiceDidNotStart, RunnerDied, StepFailed.
    """
    secrets = IdentitySecrets(context.workspace)
    password = secrets.value(name)
    context.secrets.register(password)
    process = next(each for each in forward_recipe(service_of(context)).processes if each.kind == "wsgi")
    applications = in_force(process.applications, series)
    if not applications:
        raise ServiceDidNotStart(f"The catalogue does not know how to start {service_of(context)} of {series}.")
    extra = context.workspace / "etc" / f"{service_of(context)}-api.conf"
    extra.parent.mkdir(exist_ok=True, mode=0o700)
    write_private(extra, _API_CONFIGURATION)
    context.progress(f"{series}: starting the API")
    with (
        _readers_beside_writers(database_url(context)),
        runner_for(context, series).serve(
            applications[0],
            configuration=[*configuration_files(context), extra],
            log=command_log(context, series, process.name),
            health_path=process.health_path,
            workers=WORKERS,
        ) as served,
    ):
        api = IdentityApi(served.url)
        tokens = administrator(api, name, password, project=name)
        yield RunningIdentity(api, name, tokens, served.start_seconds)


def make_administrator(context: StepContext, series: str, name: str, commands: tuple[Command, ...]) -> float:
    """Run the commands that make an administrator of this name and whatever he needs; seconds that they took.

    Raises StepFailed with what the command said, RunnerDied.
    """
    password = IdentitySecrets(context.workspace).value(name)
    context.secrets.register(password)
    seconds = 0.0
    for command in commands:
        context.progress(f"{series}: {command.name}")
        outcome = runner_for(context, series).run(
            command,
            configuration=configuration_files(context),
            log=command_log(context, series, command.name),
            environment={"OS_BOOTSTRAP_PASSWORD": password},
        )
        seconds += outcome.seconds
        if outcome.exit_status != 0:
            raise StepFailed(
                f"{service_of(context)} of {series}: {command.name} ended with exit status {outcome.exit_status}.",
                evidence=outcome.tail(),
                state="Only the copy was touched.",
                next_command=f"onward runs resume {context.run_id}",
            )
    return round(seconds, 3)


def guest_commands(service: str, series: str) -> tuple[Command, ...]:
    """The commands that make an administrator of one's own in a copy: keys for his tokens, and himself."""
    known = {command.name: command for command in in_force(forward_recipe(service).bootstrap, series)}
    bootstrap = known["bootstrap"]
    names = ("--bootstrap-username", GUEST_ADMINISTRATOR, "--bootstrap-project-name", GUEST_ADMINISTRATOR)
    # Without the catalogue's regions and addresses, which belong to a new cloud.
    guest = bootstrap.model_copy(update={"argv": (*bootstrap.argv[:2], *names)})
    return known["fernet_setup"], known["credential_setup"], guest


@contextmanager
def _readers_beside_writers(url: URL) -> Iterator[None]:
    """Let SQLite's readers and its writer work at the same time, which only its write-ahead log allows.

    With a rollback journal a reader that Keystone has not let go yet keeps every writer waiting until it gives up.
    """
    if url.get_backend_name() != "sqlite":
        yield
        return
    path = Path(str(url.database))
    _set_journal(path, "WAL")
    try:
        yield
    finally:
        with suppress(sqlite3.OperationalError):  # Whoever still reads it will find the log and use it.
            _set_journal(path, "DELETE")


def _set_journal(path: Path, mode: str) -> None:
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}").fetchall()
