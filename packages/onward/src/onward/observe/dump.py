"""Reads dumps of databases as a stream: what is in one before it is loaded, and its SQL for loading it.

A dump may be larger than the memory and is never held in it. What mariadb-dump and mysqldump write is recognised by its
content, and compression by the first bytes, not by the name of the file.
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import zstandard
from sqlalchemy import URL, text
from sqlalchemy.exc import DatabaseError

from onward.catalog.service import ForwardRecipe, Recipe
from onward.errors import DatabaseUnreachable, DumpCorrupt, DumpOfAnotherService, DumpTruncated
from onward.observe.database import database_bytes, read_only
from onward.observe.dump_text import PIECE_BYTES, DumpText, pieces
from onward.observe.revision import SchemaState, observe_schema

Compression = Literal["none", "gzip", "zstd"]

_SQLITE = b"SQLite format 3\x00"
_COMPRESSIONS: dict[bytes, Compression] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_OTHERS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip", b"PGDMP": "pg_dump's own format"}
_BEYOND_DATABASE = re.compile(
    rb"USE [`\"]|CREATE DATABASE |/\*!\d+ DROP DATABASE "
    # What dumps of replicas, and those taken for making one, say to the server as a whole.
    rb"|SET (?:@@)?GLOBAL[ .]|SET @@SESSION\.SQL_LOG_BIN\b|CHANGE (?:MASTER|REPLICATION SOURCE) TO "
    rb"|(?:START|STOP) (?:SLAVE|REPLICA|ALL SLAVES)\b"
)
_SHOWN_TABLES = 5
_MAKE_AGAIN = "mariadb-dump --single-transaction DATABASE | gzip > FILE"


@dataclass(frozen=True)
class DumpFacts:
    """What a dump holds."""

    kind: Literal["sql", "sqlite"]
    compression: Compression
    schema: SchemaState
    """What alembic_version and migrate_version will say once it is loaded."""
    bytes: int
    """Size without the compression."""
    server: str = ""
    """Version of the server that it was taken from, where it says so."""
    names_database: str | None = None
    """The database that a dump made with ``--databases`` names; :func:`open_dump` leaves the name out."""


def scan_dump(path: Path, recipe: Recipe, signature: tuple[str, ...] = ()) -> DumpFacts:
    """Read a dump from its first byte to its last, and say what it holds.

    It must have the tables that every database of the service has, or those of ``signature``.

    Raises DumpCorrupt, DumpTruncated, DumpOfAnotherService.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(len(_SQLITE))
        if beginning == _SQLITE:
            return _scan_sqlite(path, recipe)
        expected = signature or (recipe.database.signature if isinstance(recipe, ForwardRecipe) else ())
        found = DumpText()
        with _uncompressed(path) as stream:
            found.read(stream)
    except EOFError as error:
        raise DumpTruncated(
            f"{path} stops in the middle of its compressed data.", evidence=str(error), next_command=_MAKE_AGAIN
        ) from None
    except (OSError, zlib.error, zstandard.ZstdError) as error:
        raise DumpCorrupt(f"{path} cannot be read.", evidence=str(error), next_command=_MAKE_AGAIN) from None
    _must_be_whole(path, found)
    schema = SchemaState(
        alembic=tuple(sorted(found.alembic)),
        migrate=tuple(sorted(found.migrate)),
        missing=tuple(table for table in expected if table not in found.tables),
        tables=len(found.tables),
    )
    _must_be_of(path, recipe, schema, found.tables - set(expected))
    return DumpFacts(
        kind="sql",
        compression=_compression(beginning),
        schema=schema,
        bytes=found.size,
        server=found.server,
        names_database=found.databases[0] if found.databases else None,
    )


@contextmanager
def open_dump(path: Path) -> Iterator[IO[bytes]]:
    """The SQL of a dump, for a client that has chosen its database already.

    Statements that would create, drop or choose a database are left out, and those that concern the whole server,
    such as its replication: what was dumped is loaded where the client is, and nowhere else. Raises OSError, EOFError,
    zlib.error and zstandard.ZstdError while it is read.
    """
    with _uncompressed(path) as stream, io.BufferedReader(_OfOneDatabase(stream), PIECE_BYTES) as reader:
        yield reader


class _OfOneDatabase(io.RawIOBase):
    """A stream of SQL without the statements that reach beyond the database that it is loaded into."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._pieces = _of_one_database(stream)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what BufferedReader calls it with
        if not self._rest:
            self._rest = next(self._pieces, b"")
        given = self._rest[: len(buffer)]
        buffer[: len(given)] = given
        self._rest = self._rest[len(given) :]
        return len(given)


def _of_one_database(stream: IO[bytes]) -> Iterator[bytes]:
    leaving_out = statement_goes_on = False
    kept = bytearray()
    for piece in pieces(stream):
        if piece.starts_line and not statement_goes_on:
            leaving_out = not piece.in_body and _BEYOND_DATABASE.match(piece.content) is not None
        if leaving_out:
            # A statement with the identifiers of several servers has a line for each.
            statement_goes_on = not piece.content.rstrip().endswith(b";")
            continue
        kept += piece.content
        if len(kept) >= PIECE_BYTES:
            yield bytes(kept)
            kept.clear()
    if kept:
        yield bytes(kept)


@contextmanager
def _uncompressed(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as file:
        beginning = file.read(len(_SQLITE))
        file.seek(0)
        match _compression(beginning):
            case "gzip":
                with io.BufferedReader(gzip.GzipFile(fileobj=file), PIECE_BYTES) as stream:
                    yield stream
            case "zstd":
                with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as frames:
                    yield io.BufferedReader(frames, PIECE_BYTES)
            case "none":
                yield file


def _compression(beginning: bytes) -> Compression:
    return next((name for magic, name in _COMPRESSIONS.items() if beginning.startswith(magic)), "none")


def _scan_sqlite(path: Path, recipe: Recipe) -> DumpFacts:
    """An SQLite file is a dump as well. All its pages are read."""
    if not isinstance(recipe, ForwardRecipe):
        raise DumpOfAnotherService(f"{path} is an SQLite file, which {recipe.service} is not taken from.")
    try:
        engine = read_only(URL.create("sqlite", database=str(path)))
        try:
            with engine.connect() as connection:
                answer = str(connection.execute(text("PRAGMA quick_check(1)")).scalar())
                names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
                tables = {str(row[0]) for row in names}
            schema = observe_schema(engine, recipe)
            size = database_bytes(engine)
        finally:
            engine.dispose()
    except (DatabaseError, DatabaseUnreachable) as error:
        answer = str(getattr(error, "orig", None) or getattr(error, "evidence", error))
    if answer != "ok":
        raise DumpCorrupt(
            f"{path} is a damaged SQLite file.",
            evidence=answer,
            next_command=f"sqlite3 SOURCE \".backup '{path}'\"",
        )
    _must_be_of(path, recipe, schema, tables - set(recipe.database.signature))
    return DumpFacts(kind="sqlite", compression="none", schema=schema, bytes=size)


def _must_be_whole(path: Path, found: DumpText) -> None:
    if not found.recognised:
        raise DumpCorrupt(
            f"{path} is no dump of a database.",
            evidence=_what_it_is(path),
            next_command=_MAKE_AGAIN,
        )
    if not found.whole:
        raise DumpTruncated(
            f"{path} stops before its end.",
            evidence=f"after {found.size:,} bytes of SQL the last line is not '-- Dump completed'; mariadb-dump and"
            " mysqldump write it unless they are told --skip-comments or --compact",
            next_command=_MAKE_AGAIN,
        )
    if len(found.databases) > 1:
        raise DumpOfAnotherService(
            f"{path} holds several databases, and only that of the service can be loaded.",
            evidence=f"databases: {', '.join(found.databases)}",
            next_command=_MAKE_AGAIN,
        )


def _what_it_is(path: Path) -> str:
    with path.open("rb") as file:
        beginning = file.read(len(_SQLITE))
    if not beginning:
        return "the file is empty"
    for magic, name in _OTHERS.items():
        if beginning.startswith(magic):
            return f"it is {name}; understood are SQL as it is, gzip and zstd, and SQLite files that are not compressed"
    return "it does not begin with '-- MariaDB dump' or '-- MySQL dump', and is no SQLite file"


def _must_be_of(path: Path, recipe: Recipe, schema: SchemaState, further: set[str]) -> None:
    if not schema.missing:
        return
    others = sorted(further - set(recipe.census.bookkeeping))
    shown = ", ".join(others[:_SHOWN_TABLES]) + (", ..." if len(others) > _SHOWN_TABLES else "")
    raise DumpOfAnotherService(
        f"{path} is no dump of {recipe.service}.",
        evidence=f"missing tables: {', '.join(schema.missing)}\nfound: {shown or 'no other tables'}",
        next_command=f"name a dump of {recipe.service}'s database",
    )
