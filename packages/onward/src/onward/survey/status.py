"""How a deployed model is: asked of its processes and of the run that is at work on it, never remembered."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from onward.engine.record import RunRecord
from onward.engine.runs import list_runs
from onward.errors import OnwardError
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.hosts.supervisor import ProcessState
from onward.model.api_version import ApiVersion
from onward.model.deployment import QueueProbe
from onward.model.status import ModelStatus, State, UnitStatus
from onward.observe.listening import answers
from onward.observe.processes import halted, of_process
from onward.plan.deployment.api_versions import changed
from onward.plan.deployment.dashboard import dashboard_url
from onward.plan.deployment.pinned import Pinned, said
from onward.plan.deployment.topology import Topology
from onward.survey.deployed import reachable_deployed
from onward.survey.deployment import DEFAULT_SERIES
from onward.survey.offers import uses
from onward.survey.recorded import known_model, placed_units, recorded_site, recorded_topology, units_of
from onward.survey.waiting import what_is_waited_for

TOLD_TO_STOP = ("STOPPING", "STOPPED")
"""States of processes that somebody has stopped: what ends by itself is begun again."""
MOST_OWED = 10
"""Units that are named; all are counted."""


def survey_status(directories: Directories, model: str) -> ModelStatus:
    """Look at every unit once. Raises ModelUnknown."""
    store = known_model(directories, model)
    record = store.record()
    found = recorded_topology(record)
    seen = reachable_deployed(directories, store, Path(record["sockets"]))
    states, silent = seen.states, seen.silent
    machines = placed_units(store, record)
    run = _latest_run(directories, model)
    units = tuple(
        _unreached(unit, record["addresses"], silent[machines[unit]])
        if machines.get(unit) in silent
        else _unit(unit, record["addresses"], states.get(unit, []), run, store, here=unit not in machines)
        for name in found.applications
        for unit in found.units(name)
    )
    there = {unit.name for unit in units}
    units += tuple(_leaving(unit, run, states.get(unit, [])) for unit in units_of(store) if unit not in there)
    at_work = () if run is None or run.status != "running" else tuple(_at_work(run))
    related = [str(each) for each in uses(directories) if model in (each.user, each.remote.model)]
    dashboard = dashboard_url(found, recorded_site(store))
    found_at = [f"dashboard: {dashboard}"] if dashboard else []
    kept = (*_owed(store), *_kept(model, found, record), *_api_versions(store))
    return ModelStatus(units, (*_said(run, store, states), *found_at, *related, *kept), at_work)


def _unreached(unit: str, addresses: Mapping[str, str], error: OnwardError) -> UnitStatus:
    """A unit of a machine that cannot be asked: nobody can tell how it is."""
    said = f"{error.what} {error.evidence}".splitlines()[0]
    return UnitStatus(unit, "unreachable", addresses.get(unit, ""), (), f"could not tell: {said} ({error.code})")


def _kept(model: str, found: Topology, record: Mapping[str, Any]) -> Iterator[str]:
    """What applications keep that their releases have otherwise."""
    for name, told in record.get("pinned", {}).items():
        channel = found.applications[name].channel or DEFAULT_SERIES
        yield from said(model, name, channel.partition("/")[0], Pinned.model_validate(told))


def _owed(store: ModelStore) -> Iterator[str]:
    """Units that have to be restarted, the oldest debt first."""
    owed = sorted(store.owed().values(), key=lambda each: each.since)
    for each in owed[:MOST_OWED]:
        wait = ", put off" if each.deferred else ""
        yield f"{each.unit} owes a restart for {age(time.time() - each.since)}{wait}: {'; '.join(each.reasons)}"
    if len(owed) > MOST_OWED:
        yield f"and {len(owed) - MOST_OWED} units more owe one"
    if owed:
        yield f"restart them with: onward restart --owed --model {store.directory.name}"


def age(seconds: float) -> str:
    """How long ago, in the two largest units: 3 d 4 h, 12 min."""
    minutes = int(seconds // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    words = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (rest, "min")) if count]
    return " ".join(words[:2]) or f"{int(seconds)} s"


def _api_versions(store: ModelStore) -> Iterator[str]:
    """What APIs offer otherwise than when they were deployed."""
    for step, noted in store.done().items():
        verb, _, name = step.partition("/")
        if verb == "publish":
            first, now = (
                [ApiVersion.model_validate(each) for each in noted["evidence"].get(key, ())]
                for key in ("deployed_with", "versions")
            )
            if what := changed(first, now):
                yield f"{name}: {what}"


def _leaving(unit: str, run: RunRecord | None, states: list[ProcessState]) -> UnitStatus:
    """A unit that the bundle has no more, and of which there is still something."""
    processes = tuple(f"{each.name} {each.pid}" if each.pid else each.name for each in states)
    waited = ""
    if run is not None and any(each.step.id == f"remove/{unit}" for each in run.steps):
        waited = what_is_waited_for(run, f"remove/{unit}")
    return UnitStatus(unit, "leaving", "", processes, f"waits for {waited}" if waited else "to be removed")


def _at_work(run: RunRecord) -> Iterator[tuple[str, float]]:
    for each in run.steps:
        if each.status == "running" and each.started is not None:
            yield each.step.id, each.started


def _unit(
    unit: str,
    addresses: dict[str, str],
    states: list[ProcessState],
    run: RunRecord | None,
    store: ModelStore,
    *,
    here: bool,
) -> UnitStatus:
    """``here``: its processes are those of this machine."""
    address = addresses.get(unit, "")
    processes = tuple(f"{each.name} {each.pid}" if each.pid else each.name for each in states)
    bad = [each for each in states if each.state != "RUNNING"]
    state: State
    if not states or (bad and all(each.state in TOLD_TO_STOP for each in bad)):
        state, message = _not_there(unit, run)
    elif bad:
        state = "starting" if all(each.state == "STARTING" for each in bad) else "failed"
        log = store.unit_directory(unit) / "log" / f"{bad[0].name}.log"
        told = f", {bad[0].said}; {log}" if bad[0].said else ""
        message = f"{bad[0].name}: {bad[0].state.lower()}{told}"
    elif here and (held := [each.pid for each in states if each.pid and halted(of_process(each.pid))]):
        # The kernel accepts connections for it, so that it seems to answer.
        state, message = "unreachable", f"process {held[0]} is stopped by a signal; kill -CONT {held[0]} lets it go on"
    elif silent := _silent(store, unit):
        state, message = "unreachable", f"runs, and does not answer at {silent}"
    else:
        state, message = "active", ""
    return UnitStatus(unit, state, address, processes, message)


def _not_there(unit: str, run: RunRecord | None) -> tuple[State, str]:
    """Why a unit has no process: the steps that it waits for, or that nothing is at work on it."""
    if run is None or run.status == "done":
        return "stopped", "no process of it runs"
    steps = {each.step.id: each for each in run.steps}
    own = steps.get(f"start/{unit}")
    if own is None:
        return "stopped", "no process of it runs"
    if own.status == "failed":
        return "failed", str((own.error or {}).get("what", ""))
    waited = what_is_waited_for(run, own.step.id)
    suffix = "" if run.status == "running" else f" (the run is {run.status})"
    return "waiting", (f"for {waited}" if waited else "to be started") + suffix


def _silent(store: ModelStore, unit: str) -> str:
    """Where a process of the unit should answer, as it was started, and does not; empty where all do."""
    for probe in store.probes(unit).values():
        if not answers(probe, store.password_for(probe)):
            if isinstance(probe, QueueProbe):
                return f"the queue {probe.queue} of {probe.vhost}, which has no consumer"
            return f"{probe.address}:{probe.port}{probe.path or ''}"
    return ""


def _latest_run(directories: Directories, model: str) -> RunRecord | None:
    runs = [
        each
        for each in list_runs(directories)
        if each.plan.cloud == model and each.plan.kind in ("deployment", "restart")
    ]
    return max(runs, key=lambda each: each.created, default=None)


def _said(run: RunRecord | None, store: ModelStore, states: dict[str, list[ProcessState]]) -> list[str]:
    said = []
    if not states:
        said.append(f"the supervisor of {store.directory.name} does not run: onward deploy starts it again")
    if run is not None and run.status not in ("done", "cancelled"):
        done = sum(each.status == "done" for each in run.steps)
        said.append(f"{run.run_id} is {run.status}: {done} of {len(run.steps)} steps done")
        if run.status in ("failed", "paused", "interrupted"):
            said.append(f"go on with: onward runs resume {run.run_id}")
    return said
