"""Keep the databases of a deployed service before they are taken to another release, and put them back."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pydantic import TypeAdapter
from sqlalchemy import URL

from onward.actions.deployment.database_content import empty, tables_of
from onward.actions.deployment.model_database import ModelDatabase
from onward.actions.deployment.noted import store_of
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import DumpLoadFailed, StepFailed
from onward.hosts.database_files import copy_files, served
from onward.hosts.mariadb_client import dump, load, save_dump
from onward.hosts.state import Directories
from onward.observe.database import database_bytes, read_only
from onward.observe.dump_text import DumpText
from onward.plan.step import Frozen

SHOWN = 10


class _Files(Frozen):
    """When, and from where, files are copied."""

    socket: str
    bytes: int


class BackUpModel:
    """``model.backup``: a dump of each database, or of one that is large a copy of its files; read back whole.

    Both are in the run's directory. Arguments: ``databases``, ``series`` that they are at, ``files``: the ``socket`` of
    their server, where files can be copied, and from how many ``bytes`` of a database on it is done. Evidence:
    ``backups`` with path, ``kind``, bytes and how many tables; ``seconds``. What was read back appears by renaming, and
    is never written again: a repeated attempt may come after a migration.
    """

    name = "model.backup"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Keep what is not kept yet. Raises DatabaseUnreachable, ToolMissing, ScratchServerFailed, StepFailed."""
        began = time.monotonic()
        secrets = store_of(self._directories, context).secrets()
        directory = context.workspace / "backup"
        directory.mkdir(exist_ok=True, mode=0o700)
        found = []
        for each in TypeAdapter(tuple[ModelDatabase, ...]).validate_python(context.step.arguments["databases"]):
            name = f"{each.database}-{context.step.arguments['series']}"
            dumped, copied = directory / f"{name}.sql", directory / f"{name}.files"
            kept: Evidence = {"database": each.database}
            if not dumped.exists() and not copied.exists():
                context.progress(f"keeping {each.database}")
                kept["tables"] = _keep(context, each.database, each.url(secrets), dumped, copied)
                crash_point("model.dumped")
            target = copied if copied.exists() else dumped
            found.append({**kept, "backup": str(target), "kind": target.suffix[1:], "bytes": _bytes(target)})
        return {"backups": found, "seconds": round(time.monotonic() - began, 3)}


def _keep(context: StepContext, database: str, url: URL, dumped: Path, copied: Path) -> int:
    """Keep a database in one of both ways; how many tables it has."""
    files = context.step.arguments.get("files")
    wish, again = _Files.model_validate(files) if files else None, f"onward runs resume {context.run_id}"
    unread = dumped.with_suffix(".unread")
    if wish is not None and _size(url) >= wish.bytes:
        copy_files(wish.socket, database, unread)
        tables = read_back(unread, url, again)
        unread.replace(copied)
    else:
        save_dump(url, unread)
        tables = read_back(unread, url, again)
        unread.replace(dumped)
    return tables


def _size(url: URL) -> int:
    engine = read_only(url)
    try:
        return database_bytes(engine)
    finally:
        engine.dispose()


def _bytes(path: Path) -> int:
    return (
        sum(each.stat().st_size for each in path.rglob("*") if each.is_file()) if path.is_dir() else path.stat().st_size
    )


def read_back(path: Path, url: URL, next_command: str) -> int:
    """How many tables a backup holds that has just been made of a database: all that are there.

    A server is started on a copy of files. Raises StepFailed, ScratchServerFailed.
    """
    there, seen = tables_of(url), DumpText()
    if path.is_dir():
        with served(path, path.with_suffix(".log")) as server:
            seen.tables |= tables_of(server.url(str(url.database)))
            seen.whole = True
    else:
        with path.open("rb") as stream:
            seen.read(stream)
    if seen.whole and there <= seen.tables:
        return len(there)
    missing = ", ".join(sorted(there - seen.tables)[:SHOWN])
    raise StepFailed(
        f"The backup of {url.database} is not whole.",
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
        """Do it. Raises ScratchServerFailed, StepFailed."""
        began, arguments = time.monotonic(), context.step.arguments
        store = store_of(self._directories, context)
        backups = TypeAdapter(dict[str, str]).validate_python(arguments["backups"])
        databases = TypeAdapter(tuple[ModelDatabase, ...]).validate_python(arguments["databases"])
        loaded = put_back(context, databases, backups, store.secrets())
        store.note_series(str(arguments["service"]), str(arguments["series"]))
        for step, digest in TypeAdapter(dict[str, str]).validate_python(arguments["settles"]).items():
            store.note_done(step, digest, {})
        return {"bytes": loaded, "seconds": round(time.monotonic() - began, 3)}


def put_back(
    context: StepContext, databases: Iterable[ModelDatabase], backups: Mapping[str, str], secrets: Mapping[str, str]
) -> dict[str, int]:
    """Empty each database and load what was kept of it (paths by database); the bytes that each took.

    Raises ScratchServerFailed, StepFailed.
    """
    loaded = {}
    for each in databases:
        context.progress(f"putting back {each.database}")
        empty(context, each, secrets)
        crash_point("model.emptied")
        try:
            with backup_sql(Path(backups[each.database]), each.database) as stream:
                loaded[each.database] = load(stream, each.url(secrets))
        except DumpLoadFailed as error:
            raise StepFailed(
                f"The database server did not accept the backup of {each.database}.",
                evidence=error.evidence,
                state="The database is incomplete, and no unit of its service runs.",
                next_command=f"onward runs resume {context.run_id}",
            ) from None
    return loaded


@contextmanager
def backup_sql(backup: Path, database: str) -> Iterator[IO[bytes]]:
    """What a backup says in SQL; of files, a server on them says it."""
    if backup.is_dir():
        with served(backup, backup.with_suffix(".log")) as server, dump(server.url(database)) as stream:
            yield stream
    else:
        with backup.open("rb") as stream:
            yield stream
