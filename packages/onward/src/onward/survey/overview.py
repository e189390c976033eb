"""Everything that Onward knows of what is deployed and done here, in one look."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from onward.diagnosis.dependencies import Dependencies, dependencies_of
from onward.engine.record import RunRecord
from onward.engine.runs import ENDED, list_runs
from onward.errors import ModelUnknown, OnwardError
from onward.hosts.state import Directories
from onward.model.status import ModelStatus
from onward.plan.deployment.topology import Topology
from onward.survey.recorded import known_model, models, placed_units, recorded_topology
from onward.survey.status import survey_status

MOST_AT_ONCE = 8
MOST_LATE = 5
"""Runs that are not at work, of those that somebody has to go on with."""


@dataclass(frozen=True)
class ModelOverview:
    """A model that is deployed, as it was seen."""

    name: str
    region: str
    """Empty where the model says of none."""
    status: ModelStatus | None
    """None where it cannot be told."""
    graph: Dependencies
    """Who uses whom."""
    untold: str = ""
    """Why it cannot be told how it is."""


@dataclass(frozen=True)
class Overview:
    """One look."""

    models: tuple[ModelOverview, ...]
    runs: tuple[RunRecord, ...]
    """Those at work, and the latest that stopped before their end; the newest first."""
    at: float


def survey_overview(directories: Directories, only: str | None = None) -> Overview:
    """Look at every model, or at one of them alone, and at the runs. Raises ModelUnknown for one that there is not."""
    names = [only] if only is not None else models(directories)
    with ThreadPoolExecutor(MOST_AT_ONCE) as threads:
        found = list(threads.map(lambda name: _model(directories, name, gone_is_told=only is None), names))
    runs = unfinished(list_runs(directories))
    mine = tuple(each for each in runs if only is None or each.plan.cloud == only)
    return Overview(tuple(each for each in found if each is not None), mine, time.time())


def unfinished(records: Sequence[RunRecord]) -> tuple[RunRecord, ...]:
    """Runs at work, then those that stopped before their end; of each cloud what no later run has overtaken."""
    latest: dict[tuple[str, str], RunRecord] = {}
    for record in sorted(records, key=lambda each: each.created):
        latest[record.plan.cloud, record.plan.kind] = record
    newest = sorted(records, key=lambda each: each.created, reverse=True)
    at_work = [each for each in newest if each.controller_pid is not None]
    late = [each for each in newest if each not in at_work and each.status not in ENDED and each in latest.values()]
    return (*at_work, *late[:MOST_LATE])


def _model(directories: Directories, name: str, *, gone_is_told: bool) -> ModelOverview | None:
    try:
        store = known_model(directories, name)
        record = store.record()
        found = recorded_topology(record)
        graph, region = dependencies_of(found, placed_units(store, record)), _region(found)
        try:
            return ModelOverview(name, region, survey_status(directories, name), graph)
        except ModelUnknown:
            raise
        except OnwardError as error:
            return ModelOverview(name, region, None, graph, f"{error.what} ({error.code})")
    except ModelUnknown:
        # It was destroyed between two looks.
        if gone_is_told:
            return None
        raise


def _region(found: Topology) -> str:
    """The region that the model's services are registered in; empty where none of them is."""
    lent = [each.options["region"] for each in found.lent.values() if each.options.get("region")]
    own = [
        entry.options.get("region") or found.charms[name].options["region"].default
        for name, entry in found.applications.items()
        if "region" in found.charms[name].options
    ]
    return next((str(each) for each in (*own, *lent) if each), "")
