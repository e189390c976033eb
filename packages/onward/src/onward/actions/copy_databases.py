"""Copies all databases of a service, so that the copies know of each other and of nothing else."""

import time
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import text

from onward.actions.copied import Copied
from onward.actions.lane import service_of
from onward.actions.scratch import scratch_for
from onward.catalog.load import recipe
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import StepFailed
from onward.hosts.mariadb_client import dump, load
from onward.hosts.scratch import MariadbScratch
from onward.observe.configured_databases import ConfiguredDatabase, configured_databases
from onward.observe.database import shown

_POINT = text("UPDATE cell_mappings SET database_connection = :url, transport_url = :broker WHERE uuid = :uuid")
_NOBODY = "none:///"
"""The broker of a copied cell. Migrations send nothing; whatever would, shall not find the cloud's."""


def copy_all(context: StepContext, began: float) -> Evidence:
    """Copy each, in one transaction that only reads; then have the list of cells name the copies.

    Raises UnreadableConfig, DatabaseUnreachable, DumpLoadFailed, StepFailed.
    """
    described: Any = context.step.arguments["source"]
    known = recipe(service_of(context))
    scratch = scratch_for(context)
    if not isinstance(scratch, MariadbScratch):
        raise StepFailed(f"A copy of {known.service} needs a private MariaDB server.")
    sources = configured_databases([Path(file) for file in described["configuration"]], known)
    taken = 0
    for each in sources:
        context.secrets.register(str(each.url.password) if each.url.password else None)
        context.progress(f"copying {each.name}")
        scratch.empty_beside(each.name)
        with dump(each.url) as stream:
            crash_point("copy.dump-begun")
            taken += load(stream, scratch.beside(each.name))
    if any(each.cells for each in sources):
        _point_cells_at_copies(scratch, sources, known.connections[1])
    return {
        "source": ", ".join(shown(each.url) for each in sources),
        "bytes": taken,
        "seconds": round(time.monotonic() - began, 3),
        "databases": [
            Copied(
                name=each.name, options=each.options, cells=each.cells, further_cell=each.is_further_cell
            ).model_dump(mode="json")
            for each in sources
        ],
    }


def _point_cells_at_copies(
    scratch: MariadbScratch, sources: tuple[ConfiguredDatabase, ...], api_option: tuple[str, str]
) -> None:
    """What goes through all cells must meet the copies: the cloud's own would be migrated otherwise."""
    api = next(each for each in sources if api_option in each.options)
    engine = sqlalchemy.create_engine(scratch.beside(api.name))
    try:
        with engine.begin() as connection:
            for each in sources:
                url = scratch.beside(each.name).render_as_string(hide_password=False).replace("%2F", "/")
                for cell in each.cells:
                    connection.execute(
                        _POINT,
                        {"url": url, "broker": _NOBODY, "uuid": cell},
                    )
            left = connection.execute(
                text("SELECT COUNT(*) FROM cell_mappings WHERE transport_url != :broker"), {"broker": _NOBODY}
            ).scalar()
    finally:
        engine.dispose()
    if left:
        raise StepFailed(f"{left} cells were listed while they were copied.", next_command="begin the rehearsal again")
