"""Which revisions a release's own migration scripts end at, read off the installed package.

Alembic's scripts are Python files in directories called ``versions``; each says which revision it makes, which ones it
comes after (``down_revision``) and which ones it needs besides (``depends_on``): https://alembic.sqlalchemy.org. They
are read as text, so that nothing of the release is run. Before alembic it was sqlalchemy-migrate, whose scripts begin
with their number.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, inspect, text

_NUMBERED = re.compile(r"^(\d+)_\w+\.(py|sql)$")
_BACKUPS = ("build", "tests")


@dataclass(frozen=True)
class ScriptSet:
    """The scripts of one schema."""

    place: str
    """Their directory, below the package's."""
    revisions: frozenset[str]
    ends: frozenset[str]
    """Those that no other one comes after."""
    needed: frozenset[str]
    """Those that another one needs besides: alembic may or may not go on naming them."""
    number: int = 0
    """Of sqlalchemy-migrate: the last one."""

    def is_at_end(self, found: frozenset[str]) -> bool:
        """Whether a database that names these revisions has had all scripts."""
        return self.ends - self.needed <= found <= self.ends


def script_sets(package: Path) -> tuple[ScriptSet, ...]:
    """All schemas for which an installed package has scripts."""
    directories = [path for path in package.rglob("versions") if path.is_dir() and not _is_test(path, package)]
    found = (_script_set(path, package) for path in sorted(directories))
    return tuple(each for each in found if each.revisions or each.number)


def alembic_revisions(engine: Engine) -> frozenset[str]:
    """What a database says it is at, in every table of alembic's that it has; empty where there is none."""
    names = [name for name in inspect(engine).get_table_names() if name.startswith("alembic_version")]
    with engine.connect() as connection:
        return frozenset(
            str(row[0])
            for name in names
            for row in connection.execute(text(f"SELECT version_num FROM {name}"))  # noqa: S608
        )


def migrate_number(engine: Engine) -> int | None:
    """The number that sqlalchemy-migrate has noted; None where it has noted none."""
    if "migrate_version" not in inspect(engine).get_table_names():
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT MAX(version) FROM migrate_version")).scalar()


def _is_test(path: Path, package: Path) -> bool:
    return any(part in _BACKUPS for part in path.relative_to(package).parts)


def _script_set(directory: Path, package: Path) -> ScriptSet:
    revisions, before, needed = set[str](), set[str](), set[str]()
    number = 0
    for file in sorted([*directory.rglob("*.py"), *directory.glob("*.sql")]):
        said = _assigned(file) if file.suffix == ".py" else {}
        if revision := "".join(said.get("revision", ())):
            revisions.add(revision)
            before.update(said.get("down_revision", ()))
            needed.update(said.get("depends_on", ()))
        elif numbered := _NUMBERED.match(file.name):
            number = max(number, int(numbered[1]))
    return ScriptSet(
        str(directory.parent.relative_to(package)),
        frozenset(revisions),
        frozenset(revisions - before),
        frozenset(needed),
        number,
    )


def _assigned(file: Path) -> dict[str, tuple[str, ...]]:
    """The texts that a module's names are set to, by name."""
    found: dict[str, tuple[str, ...]] = {}
    for statement in ast.parse(file.read_text(encoding="utf-8")).body:
        targets: Iterable[ast.expr] = ()
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = (statement.target,)
        names = [each.id for each in targets if isinstance(each, ast.Name)]
        value = getattr(statement, "value", None)
        if names and isinstance(value, ast.expr):
            found |= dict.fromkeys(names, tuple(_texts(value, found)))
    return found


def _texts(value: ast.expr, known: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Texts of a constant, of a list of them, or of a name that was set before."""
    match value:
        case ast.Constant(value=str(words)):
            yield words
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            for each in elements:
                yield from _texts(each, known)
        case ast.Name(id=name):
            yield from known.get(name, ())
