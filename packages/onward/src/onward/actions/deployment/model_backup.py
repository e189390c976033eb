"""Keep the databases of a deployed service before they are taken to another release, and put them back."""

import time
from collections.abc import Mapping
from pathlib import Path

import pymysql
from pydantic import TypeAdapter
from sqlalchemy import URL, inspect

from onward.actions.deployment.model_database import ModelDatabase
from onward.actions.deployment.noted import store_of
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import StepFailed
from onward.hosts.mariadb_client import load, save_dump
from onward.hosts.state import Directories
from onward.observe.database import read_only
from onward.observe.dump_text import DumpText

SHOWN = 10


class BackUpModel:
    """``model.backup``: a consistent dump of each database, in the run's directory, read back whole.

    Arguments: ``databases``, ``series`` that they are at. Evidence: ``backups`` with path, bytes and how many tables;
    ``seconds``. A dump that was read appears by renaming, and is never written again: a repeated attempt may come after
    a migration.
    """

    name = "model.backup"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Dump what is not dumped yet. Raises DatabaseUnreachable, StepFailed."""
        began = time.monotonic()
        secrets = store_of(self._directories, context).secrets()
        directory = context.workspace / "backup"
        directory.mkdir(exist_ok=True, mode=0o700)
        found = []
        for each in TypeAdapter(tuple[ModelDatabase, ...]).validate_python(context.step.arguments["databases"]):
            target = directory / f"{each.database}-{context.step.arguments['series']}.sql"
            kept: Evidence = {"database": each.database, "backup": str(target)}
            if not target.exists():
                context.progress(f"keeping {each.database}")
                unread = target.with_suffix(".unread")
                save_dump(each.url(secrets), unread)
                kept["tables"] = read_back(unread, each.url(secrets), f"onward runs resume {context.run_id}")
                unread.replace(target)
                crash_point("model.dumped")
            found.append({**kept, "bytes": target.stat().st_size})
        return {"backups": found, "seconds": round(time.monotonic() - began, 3)}


def read_back(path: Path, url: URL, next_command: str) -> int:
    """How many tables a dump holds that has just been made of a database: all that are there. Raises StepFailed."""
    engine, seen = read_only(url), DumpText()
    try:
        there = set(inspect(engine).get_table_names())
    finally:
        engine.dispose()
    with path.open("rb") as stream:
        seen.read(stream)
    if seen.whole and there <= seen.tables:
        return len(there)
    missing = ", ".join(sorted(there - seen.tables)[:SHOWN])
    raise StepFailed(
        f"The dump of {url.database} is not whole.",
        evidence=f"{path}\n{f'tables that are not in it: {missing}' if missing else 'it ends before its last line'}",
        state="Nothing was migrated.",
        next_command=next_command,
    )


class RestoreModel:
    """``model.restore``: empty each database and load its dump; then remember at which release the service is.

    Arguments: ``service``, ``series``, ``databases``, ``backups`` (paths by database), ``settles`` (steps that need not
    be done any more, with their digests). Evidence: bytes by database, ``seconds``. Cut off, it begins anew.
    """

    name = "model.restore"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Do it. Raises DumpLoadFailed, StepFailed."""
        began, arguments = time.monotonic(), context.step.arguments
        store = store_of(self._directories, context)
        backups = TypeAdapter(dict[str, str]).validate_python(arguments["backups"])
        loaded = {}
        for each in TypeAdapter(tuple[ModelDatabase, ...]).validate_python(arguments["databases"]):
            context.progress(f"putting back {each.database}")
            _empty(context, each, store.secrets())
            crash_point("model.emptied")
            with Path(backups[each.database]).open("rb") as stream:
                loaded[each.database] = load(stream, each.url(store.secrets()))
        store.note_series(str(arguments["service"]), str(arguments["series"]))
        for step, digest in TypeAdapter(dict[str, str]).validate_python(arguments["settles"]).items():
            store.note_done(step, digest, {})
        return {"bytes": loaded, "seconds": round(time.monotonic() - began, 3)}


def _empty(context: StepContext, database: ModelDatabase, secrets: Mapping[str, str]) -> None:
    """The database, with nothing in it; who may use it stays as it is."""
    name = database.database.replace("`", "")
    try:
        with (
            pymysql.connect(
                host=database.host, port=database.port, user=database.user, password=secrets[database.secret]
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
            cursor.execute(f"CREATE DATABASE `{name}` CHARACTER SET utf8mb3")
    except pymysql.Error as error:
        raise StepFailed(
            f"{database.database} cannot be emptied.",
            evidence=str(error),
            next_command=f"onward runs resume {context.run_id}",
        ) from None
