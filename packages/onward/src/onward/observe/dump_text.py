"""What the text of mariadb-dump and mysqldump says, statement by statement."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

PIECE_BYTES = 1 << 18
"""The longest part of a line that is looked at in one go: a line can be as long as the server's largest packet."""
HEADER_LINES = 30
_HEADER = re.compile(rb"-- (?:MariaDB|MySQL) dump ")
_SERVER = re.compile(rb"-- Server version\s+(\S+)")
_TRAILER = re.compile(rb"-- Dump completed")
_TABLE = re.compile(rb"CREATE TABLE (?:IF NOT EXISTS )?[`\"](.+?)[`\"] \(")
_INSERT = re.compile(rb"(?:INSERT|REPLACE) (?:\s*IGNORE )?\s*INTO [`\"](alembic_version|migrate_version)[`\"]")
_DATABASE = re.compile(rb"(?:USE |CREATE DATABASE .*?)[`\"](.+?)[`\"]")
_ROW = re.compile(rb"\('((?:[^'\\]|\\.|'')*)'(?:,(?:'(?:[^'\\]|\\.|'')*'|[^()'])*)?\)", re.DOTALL)
_LONGEST_BOOKKEEPING = 1 << 16
_INTERESTING = (b"-", b"C", b"I", b"R", b"U", b"(", b"D")


@dataclass(frozen=True)
class Piece:
    """A line of a dump, or a part of one that is very long."""

    content: bytes
    starts_line: bool
    in_body: bool
    """Within the body of a trigger or routine, where lines are not statements."""


def pieces(stream: IO[bytes]) -> Iterator[Piece]:
    """The text in pieces, which joined give all of it."""
    starts_line, in_body = True, False
    while content := stream.readline(PIECE_BYTES):
        ends_line = content.endswith(b"\n")
        if starts_line and content.startswith(b"DELIMITER "):
            in_body = content.strip() != b"DELIMITER ;"
        yield Piece(content, starts_line, in_body)
        starts_line = ends_line


@dataclass
class DumpText:
    """What has been seen of a dump so far. Its size does not depend on the dump's."""

    size: int = 0
    """Bytes of SQL."""
    recognised: bool = False
    whole: bool = False
    """The line that is written last has been seen."""
    server: str = ""
    tables: set[str] = field(default_factory=set)
    databases: list[str] = field(default_factory=list)
    alembic: list[str] = field(default_factory=list)
    migrate: list[tuple[str, int]] = field(default_factory=list)
    _lines: int = 0
    _open: bytes = b""
    """Name of the bookkeeping table whose INSERT statement goes on."""
    _statement: bytes = b""

    def read(self, stream: IO[bytes]) -> None:
        """Go through a whole dump, or up to where it proves not to be one."""
        for piece in pieces(stream):
            self.size += len(piece.content)
            if piece.starts_line:
                self._lines += 1
                if not piece.in_body and (self._open or piece.content.startswith(_INTERESTING)):
                    self._line(piece.content)
            elif self._open:
                self._goes_on(piece.content)
            if not self.recognised and self._lines > HEADER_LINES:
                return

    def _line(self, content: bytes) -> None:
        if self._open:
            self._goes_on(content)
        elif content.startswith(b"--"):
            self._comment(content)
        elif found := _TABLE.match(content):
            self.tables.add(_name(found))
        elif found := _INSERT.match(content):
            self._open = found.group(1)
            self._goes_on(content[found.end() :])
        elif (found := _DATABASE.match(content)) and _name(found) not in self.databases:
            self.databases.append(_name(found))

    def _comment(self, content: bytes) -> None:
        if _HEADER.match(content):
            self.recognised = True
        elif found := _SERVER.match(content):
            self.server = _name(found)
        elif _TRAILER.match(content):
            self.whole = True

    def _goes_on(self, content: bytes) -> None:
        """Collect a statement up to its end; MariaDB writes each row on a line of its own, MySQL all on one."""
        self._statement += content
        if self._statement.rstrip().endswith(b";") or len(self._statement) > _LONGEST_BOOKKEEPING:
            self._bookkeeping(self._open.decode(), self._statement)
            self._open = self._statement = b""

    def _bookkeeping(self, table: str, statement: bytes) -> None:
        _, _, values = statement.partition(b"VALUES")
        for row in _ROW.finditer(values):
            name = _name(row)
            if table == "alembic_version":
                self.alembic.append(name)
            elif (version := row.group().rpartition(b",")[2].rstrip(b")")).isdigit():
                self.migrate.append((name, int(version)))


def _name(found: re.Match[bytes]) -> str:
    return found.group(1).decode(errors="replace")
