"""All databases that a service's configuration leads to: those that its options name, and those of cells."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import URL, text
from sqlalchemy.exc import SQLAlchemyError

from onward.catalog.service import Recipe
from onward.errors import DatabaseUnreachable, UnreadableConfig
from onward.observe.configuration import read_configuration
from onward.observe.database import READ_SECONDS, database_url, read_only, shown
from onward.observe.settings import Settings

_PORT = 3306
_NO_CELL = "00000000-0000-0000-0000-000000000000"
"""The cell of what belongs to none: cell0 (nova/objects/cell_mapping.py, CELL0_UUID)."""


@dataclass(frozen=True)
class ConfiguredDatabase:
    """One of a service's databases. The URL's password is in memory only."""

    name: str
    """Unique among those of the service: the service's own name for the first, else the database's."""
    url: URL = field(repr=False)
    options: tuple[tuple[str, str], ...] = ()
    """Options (group, name) that name it; none for that of another cell."""
    cells: tuple[str, ...] = ()
    """The cells (uuid) that it belongs to."""

    @property
    def is_further_cell(self) -> bool:
        """Whether the list of cells alone leads to it, and it is not that of what belongs to no cell."""
        return not self.options and bool(self.cells) and _NO_CELL not in self.cells


def configured_databases(files: Sequence[Path], known: Recipe) -> tuple[ConfiguredDatabase, ...]:
    """Each database once, that of the service itself first.

    Raises UnreadableConfig, DatabaseUnreachable where the list of cells cannot be read.
    """
    main = read_configuration(files, known)
    settings = Settings(files)
    urls: dict[tuple[object, ...], ConfiguredDatabase] = {}
    _add(urls, known.service, main.database_url, option=known.connections[0])
    for group, name in known.connections[1:]:
        if written := settings.text(group, name):
            _add(urls, None, _url(written, f"[{group}] {name}", files), option=(group, name))
    if known.cells:
        api = next((each for each in urls.values() if known.connections[1] in each.options), None)
        for cell, url in () if api is None else _cells(api.url, main.connection, files):
            _add(urls, None, url, cell=cell)
    return tuple(urls.values())


def where(url: URL) -> tuple[object, ...]:
    """What tells one database from another, whoever reads it."""
    socket = url.query.get("unix_socket")
    return url.get_backend_name(), socket or url.host, None if socket else url.port or _PORT, url.database


def filled(url: str, template: str) -> str:
    """A cell's URL, with what it leaves open taken from [database] connection.

    As nova does (nova/objects/cell_mapping.py, _format_url). Raises ValueError.
    """
    if "{" not in url:
        return url
    parts = urlsplit(template)
    known = {name: getattr(parts, name) for name in ("username", "password", "hostname", "port", "scheme", "query")}
    try:
        return url.format(**known, path=parts.path.lstrip("/"), fragment=parts.fragment)
    except (KeyError, IndexError):
        raise ValueError("leaves open what [database] connection does not say") from None


def _add(
    urls: dict[tuple[object, ...], ConfiguredDatabase],
    name: str | None,
    url: URL,
    *,
    option: tuple[str, str] | None = None,
    cell: str | None = None,
) -> None:
    place, taken = where(url), {each.name for each in urls.values()}
    if place not in urls:
        wished = name or str(url.database)
        free = wished if wished not in taken else next(n for n in _numbered(wished) if n not in taken)
        urls[place] = ConfiguredDatabase(free, url)
    there = urls[place]
    urls[place] = ConfiguredDatabase(
        there.name,
        there.url,
        (*there.options, *([option] if option is not None else [])),
        (*there.cells, *([cell] if cell is not None else [])),
    )


def _numbered(name: str) -> Iterator[str]:
    number = 2
    while True:
        yield f"{name}_{number}"
        number += 1


def _url(written: str, place: str, files: Sequence[Path]) -> URL:
    try:
        return database_url(written)
    except ValueError as error:
        raise UnreadableConfig(
            f"The configuration cannot be used: {', '.join(map(str, files))}.", evidence=f"{place} {error}"
        ) from None


def _cells(api: URL, template: str, files: Sequence[Path]) -> list[tuple[str, URL]]:
    engine = read_only(api, READ_SECONDS)
    try:
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT uuid, database_connection FROM cell_mappings ORDER BY id")).all()
    except SQLAlchemyError as error:
        original = getattr(error, "orig", None) or error
        raise DatabaseUnreachable(
            f"The list of cells cannot be read from {shown(api)}.", evidence=f"table cell_mappings: {original}"
        ) from None
    finally:
        engine.dispose()
    found = []
    for cell, connection_text in rows:
        place = f"cell_mappings, {cell}: database_connection"
        try:
            found.append((str(cell), _url(filled(str(connection_text), template), place, files)))
        except ValueError as error:
            raise UnreadableConfig("A cell's database cannot be told.", evidence=f"{place} {error}") from None
    return found
