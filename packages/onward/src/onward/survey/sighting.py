"""Looks at all of a deployed model at once: processes, servers, logs, what its APIs tell, and what the kernel knows."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from onward.catalog.charms import BROKER
from onward.diagnosis.dependencies import Dependencies, dependencies_of
from onward.diagnosis.observation import ONWARD, Observation, Sight
from onward.diagnosis.places import Places, places_of
from onward.diagnosis.sighting import FROM_A_LOG, Sighting
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.hosts.supervisor import ProcessState
from onward.hosts.user import own_name
from onward.model.deployment import QueueProbe, ReadyProbe
from onward.observe.broker_alarms import broker_alarms
from onward.observe.complaints import complaints
from onward.observe.database_load import observe_database_load
from onward.observe.listening import has_consumer
from onward.observe.serving import PATIENCE_SECONDS, SERVE_SECONDS, serving
from onward.plan.deployment.databases import database_sockets
from onward.plan.deployment.topology import Topology
from onward.survey.beneath import Beneath
from onward.survey.deployed import Deployed, reachable_deployed
from onward.survey.health import health_of
from onward.survey.recorded import known_model, placed_units, recorded_site, recorded_topology

MOST_AT_ONCE = 32
RECENT_SECONDS = 30.0
LASTS_SECONDS = 15.0
"""Whoever still does not reach another one tries it again, and says so, within this."""
ON_THE_WAY = ("STARTING", "STOPPING")
STARTING_LOOKS, STARTING_SECONDS = 3, 0.6
"""The supervisor calls what has run for a second started; what ends before that is begun again and again."""


class Watcher:
    """Somebody who looks at one model, as often as wanted."""

    def __init__(self, directories: Directories, model: str) -> None:
        """Raises ModelUnknown."""
        self._directories = directories
        self.store = known_model(directories, model)
        self.record = self.store.record()
        self.topology = recorded_topology(self.record)
        self.machines = placed_units(self.store, self.record)
        self.graph = dependencies_of(self.topology, self.machines)
        site = recorded_site(self.store)
        self.places: Places = places_of(self.topology, site)
        self._databases = database_sockets(self.topology, site)

    def look(self, since: float | None = None) -> tuple[Sighting, Deployed]:
        """All that can be seen now, and what its processes do.

        ``since``: the moment from which on logs are read and processes are young; None: half a minute ago.
        """
        at = time.time()
        after = at - RECENT_SECONDS if since is None else since
        deployed = self._deployed()
        silent = self.silent(deployed)
        here = {unit: states for unit, states in deployed.states.items() if unit not in self.machines}
        beneath = Beneath(self.graph, here)
        seen = [
            *stopped(self.graph, deployed.states, silent),
            *_servers(self.topology, self.graph, self.store, silent),
            *_brokers(self.topology, self.record["addresses"], self.store),
            *_full(self._databases),
            *_logs(self.topology, self.graph, self.store, after),
            *beneath.second_look(self.places, self._consumers()),
        ]
        # Asked last: who has called meanwhile what gave Onward no answer, knows better.
        health = health_of(self.topology, self.store, self.machines)
        young = tuple(
            unit
            for unit, processes in deployed.states.items()
            if any(each.state in ON_THE_WAY or _seconds(each) < at - after for each in processes)
            and not any(each.user == each.about == unit for each in seen)
        )
        return Sighting(time.time(), tuple(seen), health, young), deployed

    def _deployed(self) -> Deployed:
        """What processes do; asked again where one is on its way, which may be that to its next end."""
        for _ in range(STARTING_LOOKS):
            found = reachable_deployed(self._directories, self.store, Path(self.record["sockets"]))
            if not any(each.state == "STARTING" for processes in found.states.values() for each in processes):
                break
            time.sleep(STARTING_SECONDS)
        return found

    def _consumers(self) -> frozenset[str]:
        """Units that are called through a broker."""
        units = (unit for units in self.graph.units.values() for unit in units)
        return frozenset(
            unit for unit in units if any(isinstance(each, QueueProbe) for each in self.store.probes(unit).values())
        )

    def silent(self, deployed: Deployed) -> set[str]:
        """Units of machines that cannot be asked."""
        return {unit for unit, machine in self.machines.items() if machine in deployed.silent}


def _seconds(process: ProcessState) -> float:
    """How long it has been running; one that does not run was not begun lately."""
    return float(process.seconds) if process.state == "RUNNING" else float("inf")


def stopped(graph: Dependencies, states: Mapping[str, list[ProcessState]], silent: set[str]) -> Iterator[Observation]:
    """What those say who keep processes running: a unit complains of itself.

    ``states`` are those of each unit's processes, ``silent`` units of whom nobody can be asked.
    """
    now = time.time()
    for units in graph.units.values():
        for unit in units:
            if unit in silent:
                continue
            processes = states.get(unit, [])
            bad = [each for each in processes if each.state not in ("RUNNING", *ON_THE_WAY)]
            if all(each.state == "STOPPED" for each in bad) and any(each.state in ON_THE_WAY for each in processes):
                # Somebody is just stopping or starting it, one process after the other.
                continue
            if bad:
                words = f"process {bad[0].name} is {bad[0].state}"
                yield Observation(unit, unit, "stopped", now, detail=words)
            elif not processes:
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
    tries: list[tuple[Sight, str]] = []
    for seconds in (SERVE_SECONDS, SERVE_SECONDS, PATIENCE_SECONDS):
        tries.append(serving(probe, interfaces, seconds))
        if tries[0][0] == "ok":
            break
    saw, detail = of_tries(tries)
    return Observation(ONWARD, unit, saw, began, detail=detail)


def of_tries(tries: Sequence[tuple[Sight, str]]) -> tuple[Sight, str]:
    """What several tries in a row amount to: who answers now and then, and late or not in time else, is slow."""
    saw = {each for each, _ in tries}
    if saw & {"timed-out", "slow"} and saw & {"ok", "slow"}:
        late = [detail for each, detail in tries if each in ("slow", "timed-out")]
        return ("slow", late[-1]) if len(late) > 1 else ("ok", tries[-1][1])
    return tries[-1] if "ok" not in saw else next(each for each in tries if each[0] == "ok")


def _brokers(found: Topology, addresses: Mapping[str, str], store: ModelStore) -> Iterator[Observation]:
    """What nodes of a broker are out of, as one of them says it of all."""
    for name, charm in found.charms.items():
        if not any(each.interface == BROKER for each in charm.provides.values()):
            continue
        units = {addresses[unit]: unit for unit in found.units(name)}
        password = store.secrets().get(f"{name}/administrator", "")
        for address, (saw, words) in broker_alarms(units, charm.ports["management"], password).items():
            if address in units:
                yield Observation(units[address], units[address], saw, time.time(), detail=words)


def _full(databases: Mapping[str, str]) -> Iterator[Observation]:
    """Servers of this machine, by unit with their sockets, that have no room for another connection."""
    with ThreadPoolExecutor(MOST_AT_ONCE) as threads:
        for load in threads.map(lambda each: observe_database_load(each[0], each[1], own_name()), databases.items()):
            if load.full:
                words = f"all {load.allowed} connections that it accepts are taken" if load.allowed else load.failure
                yield Observation(ONWARD, load.server, "too-many", time.time(), detail=words)


def _logs(found: Topology, graph: Dependencies, store: ModelStore, after: float) -> Iterator[Observation]:
    """What services have written of others since then."""
    for name, units in graph.units.items():
        providers = {each.interface: each.provider[0] for each in found.used_by(name) if found.lent_by(each) is None}
        for unit in units:
            for log in sorted(store.unit_directory(unit).glob("log/*.log")):
                for each in complaints(log, after):
                    about = _reached_as(graph, providers.get(each.interface)) if each.interface else unit
                    if about is not None:
                        times = each.times if time.time() - each.until < LASTS_SECONDS else 1
                        yield Observation(unit, about, each.saw, each.since, times, f"{FROM_A_LOG}{log}")


def _reached_as(graph: Dependencies, provider: str | None) -> str | None:
    if provider is None:
        return None
    units = graph.units[provider]
    return units[0] if len(units) == 1 else provider
