"""Make the databases of a new installation of a service, with a release's own code, and put test data into them."""

import re
import shutil
import time
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from pydantic import TypeAdapter

from onward.actions.copied import Copied, beside, copied_databases
from onward.actions.lane import service_of
from onward.actions.release_commands import run_to_the_end
from onward.actions.scratch import scratch_for
from onward.catalog.load import recipe
from onward.catalog.migrations import schema_charm
from onward.catalog.service import Command, Recipe
from onward.engine.action import Evidence, StepContext
from onward.errors import DumpCorrupt, StepFailed
from onward.hosts.mariadb_client import load, save_dump
from onward.hosts.scratch import MariadbScratch

OWN_TOUCHED = "Nothing but databases of Onward's own was touched."
_CELL_DATABASE = re.compile(r"^\{scheme\}://.*/(\w+)\?\{query\}$")
_CELL_BROKER = "{scheme}://{username}:{password}@{hostname}:{port}/{path}"
_NOBODY = "none://nobody/"
"""Nova asks no broker of such a cell (nova/context.py, set_target_cell). It refuses what another cell has already, and
cell0 has ``none:///`` (nova/cmd/manage.py, map_cell0)."""


class MakeDatabases:
    """``scratch.make``: the empty databases of a service, under the names that its charm has for them.

    Arguments: ``service``. Evidence: ``databases`` as ``scratch.copy`` has them. Repeated, they are empty again.
    """

    name = "scratch.make"

    def apply(self, context: StepContext) -> Evidence:
        """Make them. Raises StepFailed where the service has no charm."""
        known = recipe(service_of(context))
        scratch = scratch_for(context)
        names = _names(known)
        if not names or not isinstance(scratch, MariadbScratch):
            raise StepFailed(f"It is not known which databases {known.service} has.")
        for name in names:
            scratch.empty_beside(name)
        made = [Copied(name=name, options=_options(known, name)) for name in names]
        return {"databases": [each.model_dump(mode="json") for each in made]}


class MakeSchema:
    """``schema.make``: have a release make its schema in the empty databases, then load test data.

    Arguments: ``service``, ``series``, perhaps ``seed`` (a file of SQL) with its ``size``. Evidence: ``commands`` as
    ``database.migrate`` has them, ``seed_bytes``, ``dumps`` of what was made (below the run's directory). Cut off, it
    begins with empty databases.
    """

    name = "schema.make"

    def apply(self, context: StepContext) -> Evidence:
        """Make and fill it. Raises MigrationFailed, RunnerDied, DumpLoadFailed, DumpCorrupt."""
        began, series = time.monotonic(), str(context.step.arguments["series"])
        known = recipe(service_of(context))
        charm = schema_charm(known.service)
        scratch = scratch_for(context)
        if charm is None or not isinstance(scratch, MariadbScratch):
            raise StepFailed(f"It is not known how a new {known.service} is made.")
        for each in copied_databases(context):
            scratch.empty_beside(each.name)
        commands = [_here(context, command) for command in charm.initialise]
        ended = run_to_the_end(context, series, commands, OWN_TOUCHED)
        return {
            "commands": ended,
            "seed_bytes": _seeded(context, scratch),
            "dumps": _dumped(context, scratch),
            "seconds": round(time.monotonic() - began, 3),
        }


def _seeded(context: StepContext, scratch: MariadbScratch) -> int:
    """Load the test data; a copy of the file stays with the run."""
    named = context.step.arguments.get("seed")
    if named is None:
        return 0
    file, kept = Path(str(named)), context.workspace / "seed.sql"
    try:
        shutil.copyfile(file, kept)
        size = kept.stat().st_size
    except OSError as error:
        raise DumpCorrupt(f"{file} cannot be read.", evidence=str(error)) from None
    if size != TypeAdapter(int).validate_python(context.step.arguments["size"]):
        raise DumpCorrupt(f"{file} is not the file that was planned with.", next_command="begin again")
    with kept.open("rb") as stream:
        return load(stream, scratch.url)


def _dumped(context: StepContext, scratch: MariadbScratch) -> list[str]:
    """What the migrations begin with, for whoever looks for why they failed."""
    directory = context.workspace / "made"
    directory.mkdir(exist_ok=True, mode=0o700)
    files = [directory / f"{each.name}.sql" for each in copied_databases(context)]
    for file in files:
        save_dump(scratch.beside(file.stem), file)
    return [str(file.relative_to(context.workspace)) for file in files]


def _names(known: Recipe) -> list[str]:
    """The databases that the charm asks a server for; its service's own first."""
    charm = schema_charm(known.service)
    wants = [each.wants.get("databases", "") for each in charm.requires.values()] if charm is not None else []
    names = " ".join(wants).split()
    return sorted(names, key=lambda name: name != known.service)


def _options(known: Recipe, name: str) -> tuple[tuple[str, str], ...]:
    """The options that name it: the first for the service's own, [api_database] for nova_api."""
    if name == known.service:
        return (known.connections[0],)
    suffix = name.removeprefix(f"{known.service}_")
    return tuple(each for each in known.connections[1:] if each[0].removesuffix("_database") == suffix)


def _here(context: StepContext, command: Command) -> Command:
    """The command with the databases of this run where the charm has those of a model."""
    words = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - not HTML
    filled = [words.from_string(each).render(granted=lambda _, name: name) for each in command.argv]
    return command.model_copy(update={"argv": tuple(_word(context, each) for each in filled)})


def _word(context: StepContext, word: str) -> str:
    if word == _CELL_BROKER:
        return _NOBODY
    database = _CELL_DATABASE.match(word)
    if database is None:
        return word
    return beside(context, database[1]).render_as_string(hide_password=False).replace("%2F", "/")
