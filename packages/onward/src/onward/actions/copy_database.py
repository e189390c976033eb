"""Fill the copy from a live database, which is only read."""

import os
import time
from pathlib import Path

from sqlalchemy import URL, make_url

from onward.actions.copy_databases import copy_all
from onward.actions.lane import lane_of, service_of
from onward.actions.scratch import scratch_for
from onward.catalog.load import recipe
from onward.catalog.service import ForwardRecipe
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import DatabaseUnreachable, UnreadableConfig
from onward.hosts.mariadb_client import dump, load
from onward.hosts.scratch import SqliteScratch, copy_sqlite
from onward.observe.configuration import read_configuration
from onward.observe.database import shown

SOURCE_PASSWORD = "ONWARD_SOURCE_PASSWORD"  # noqa: S105 - the name of the variable, not its value


class CopyDatabase:
    """``scratch.copy``: one consistent dump of the source, streamed into the scratch database.

    Arguments: ``service``, and ``source``: either ``configuration`` (files that name the database) or ``url`` (without
    its password, which is taken from ONWARD_SOURCE_PASSWORD). Evidence: ``source``, ``bytes``, ``seconds``; of a
    service that may have several databases, ``databases``. Repeated after having been cut off, it begins with an empty
    copy.
    """

    name = "scratch.copy"

    def apply(self, context: StepContext) -> Evidence:
        """Copy it. Raises DatabaseUnreachable, DumpLoadFailed, UnreadableConfig."""
        began = time.monotonic()
        if lane_of(context) and not isinstance(recipe(service_of(context)), ForwardRecipe):
            return copy_all(context, began)
        source = _source(context)
        context.secrets.register(str(source.password) if source.password else None)
        scratch = scratch_for(context)
        scratch.empty()
        if isinstance(scratch, SqliteScratch):
            copy_sqlite(Path(str(source.database)), scratch.path)
            taken = scratch.path.stat().st_size
        else:
            with dump(source) as stream:
                crash_point("copy.dump-begun")
                taken = load(stream, scratch.url)
        return {"source": shown(source), "bytes": taken, "seconds": round(time.monotonic() - began, 3)}


def _source(context: StepContext) -> URL:
    """Where the source is, with its password. Raises DatabaseUnreachable where the environment does not have it."""
    described = context.step.arguments["source"]
    if not isinstance(described, dict):
        raise UnreadableConfig("The plan does not say what is to be copied.")
    files = described.get("configuration")
    if isinstance(files, list):
        paths = [Path(str(file)) for file in files]
        return read_configuration(paths, recipe(service_of(context))).database_url
    url = make_url(str(described["url"]))
    password = os.environ.get(SOURCE_PASSWORD)
    if url.password is not None and not password:
        # The plan shows that there was one, and never which.
        raise DatabaseUnreachable(
            f"The password of the source is not in the environment: {SOURCE_PASSWORD} is not set.",
            evidence=f"{shown(url)}; the password that the run began with was kept nowhere",
            state="The source was not touched.",
            next_command=f"{SOURCE_PASSWORD}=... onward runs resume {context.run_id}",
        )
    return url.set(password=password) if password else url
