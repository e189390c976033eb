"""What a deployed model tells of itself now, and which causes explain it."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from onward.diagnosis.causes import Cause, Diagnosis, diagnose
from onward.diagnosis.dependencies import Dependencies, dependencies_of
from onward.diagnosis.observation import LASTING, ONWARD, Observation
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.hosts.supervisor import ProcessState
from onward.model.deployment import QueueProbe, ReadyProbe
from onward.observe.complaints import complaints
from onward.observe.listening import has_consumer
from onward.observe.serving import serving
from onward.plan.deployment.topology import Topology
from onward.survey.deployed import reachable_deployed
from onward.survey.recorded import known_model, placed_units, recorded_topology

MOST_AT_ONCE = 32
LOG_SECONDS = 60.0
ON_THE_WAY = ("STARTING", "STOPPING")


@dataclass(frozen=True)
class ModelDiagnosis:
    """The causes, each with the command to type next."""

    causes: tuple[tuple[Cause, str], ...]
    untold: tuple[str, ...]
    looked_at: int
    """Observations that it is made of."""


def diagnose_model(directories: Directories, model: str) -> ModelDiagnosis:
    """Look at a model, and say what is wrong. Raises ModelUnknown."""
    store = known_model(directories, model)
    record = store.record()
    found = recorded_topology(record)
    seen = reachable_deployed(directories, store, Path(record["sockets"]))
    machines = placed_units(store, record)
    graph = dependencies_of(found, machines)
    silent = {unit for unit, machine in machines.items() if machine in seen.silent}
    said = [
        *_processes(graph, seen.states, silent),
        *_servers(found, graph, store, silent),
        *_logs(found, graph, store),
    ]
    told = diagnose(said, graph)
    ways = tuple(
        (each, _next_command(each, model, store, graph, seen.states, record["addresses"])) for each in told.causes
    )
    return ModelDiagnosis(ways, _not_seen(told, silent), len(said))


def _not_seen(told: Diagnosis, silent: set[str]) -> tuple[str, ...]:
    return (*told.untold, *(f"how {unit} is: its machine cannot be asked" for unit in sorted(silent)))


def _processes(
    graph: Dependencies, states: Mapping[str, list[ProcessState]], silent: set[str]
) -> Iterator[Observation]:
    """What those say who keep processes running: a unit complains of itself."""
    now = time.time()
    for units in graph.units.values():
        for unit in units:
            if unit in silent:
                continue
            bad = [each for each in states.get(unit, []) if each.state not in ("RUNNING", *ON_THE_WAY)]
            if bad:
                words = f"process {bad[0].name} is {bad[0].state}"
                yield Observation(unit, unit, "stopped", now, detail=words)
            elif not states.get(unit):
                yield Observation(unit, unit, "stopped", now, detail="no process is known to the supervisor")


def _servers(found: Topology, graph: Dependencies, store: ModelStore, silent: set[str]) -> Iterator[Observation]:
    """What Onward sees itself, of all at once, each as often as anybody is believed only then."""
    probes = [
        (unit, probe)
        for units in graph.units.values()
        for unit in units
        if unit not in silent
        for probe in store.probes(unit).values()
    ]
    with ThreadPoolExecutor(MOST_AT_ONCE) as threads:
        yield from threads.map(lambda each: _looked_at(each[0], each[1], found, graph, store), probes)


def _looked_at(
    unit: str, probe: ReadyProbe | QueueProbe, found: Topology, graph: Dependencies, store: ModelStore
) -> Observation:
    began = time.time()
    if isinstance(probe, QueueProbe):
        if has_consumer(probe, store.password_for(probe)):
            return Observation(ONWARD, unit, "ok", began)
        return Observation(ONWARD, unit, "failed", began, detail=f"the queue {probe.queue} has no consumer")
    interfaces = frozenset(each.interface for each in found.charms[graph.application[unit]].provides.values())
    for _ in range(LASTING):
        saw, detail = serving(probe, interfaces)
        if saw == "ok":
            break
    return Observation(ONWARD, unit, saw, began, detail=detail)


def _logs(found: Topology, graph: Dependencies, store: ModelStore) -> Iterator[Observation]:
    """What services have written of others in the last minute."""
    after = time.time() - LOG_SECONDS
    for name, units in graph.units.items():
        providers = {each.interface: each.provider[0] for each in found.used_by(name) if found.lent_by(each) is None}
        for unit in units:
            for log in sorted(store.unit_directory(unit).glob("log/*.log")):
                for each in complaints(log, after):
                    about = _reached_as(graph, providers.get(each.interface)) if each.interface else unit
                    if about is not None:
                        yield Observation(unit, about, each.saw, each.since, each.times, f"in {log}")


def _reached_as(graph: Dependencies, provider: str | None) -> str | None:
    if provider is None:
        return None
    units = graph.units[provider]
    return units[0] if len(units) == 1 else provider


def _next_command(
    cause: Cause,
    model: str,
    store: ModelStore,
    graph: Dependencies,
    states: Mapping[str, list[ProcessState]],
    addresses: Mapping[str, str],
) -> str:
    """What an operator would look at first; it changes nothing."""
    application = graph.application.get(cause.subject.partition(" > ")[0])
    if application is None:
        return f"onward status {model}"
    unit = cause.subject if cause.subject not in graph.units else graph.units[application][0]
    if cause.kind == "credentials":
        unit = graph.units[application][0]
    pids = [str(each.pid) for each in states.get(unit, []) if each.pid]
    match cause.kind:
        case "disk":
            return f"df -h {store.unit_directory(unit)}"
        case "clock":
            return "timedatectl status"
        case "slow" | "overload":
            return f"ss -tn src {addresses.get(unit, '')}"
        case "down" | "node-down" if pids:
            return f"ps -o pid,stat,etime,args -p {','.join(pids)}"
        case _:
            logs = sorted(store.unit_directory(unit).glob("log/*.log"))
            return f"tail -n 30 {logs[0]}" if logs else f"onward status {model}"
