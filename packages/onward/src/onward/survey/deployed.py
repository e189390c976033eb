"""What of a deployed model is still as its steps have left it."""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Any

from onward.errors import HostUnreachable, OnwardError, from_data
from onward.hosts.agent import start_agent
from onward.hosts.containers import Engine
from onward.hosts.keeper import SUPERVISOR, Keeper, keeper
from onward.hosts.known_machines import access_of, machine_of, machines_of
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.hosts.supervisor import ProcessState
from onward.model.deployment import name_in_paths
from onward.survey.recorded import machines_of_units

LOOK_SECONDS = 60.0
ENVIRONMENT_PARTS = 2
MOST_AT_ONCE = 16


@dataclass(frozen=True)
class Looked:
    """What there is of a model: on one machine, or on all."""

    holds: tuple[str, ...]
    """Steps that were done and need not be done again."""
    states: dict[str, list[ProcessState]]
    """What the processes of each unit do; nothing where the supervisor does not run."""


@dataclass(frozen=True)
class Deployed:
    """What there is of a model on all machines that could be asked."""

    holds: dict[str, str]
    """Digests of the steps that were done and need not be done again, by step."""
    states: dict[str, list[ProcessState]]
    silent: dict[str, OnwardError]
    """The machines that could not be asked, each with the reason."""


def survey_deployed(directories: Directories, store: ModelStore, sockets: PurePath) -> Deployed:
    """Look at this machine and, all at once, at the others of the model. Raises what the first silent one raised."""
    seen = reachable_deployed(directories, store, sockets)
    for error in seen.silent.values():
        raise error
    return seen


def reachable_deployed(directories: Directories, store: ModelStore, sockets: PurePath) -> Deployed:
    """The same, without what cannot be asked."""
    done = store.done()
    by_machine = _by_machine(store, done)
    here = by_machine.pop(None, {})
    holds = set(held(store.directory, Path(sockets), here))
    states, silent = states_here(store.directory, Path(sockets)), dict[str, OnwardError]()
    machines = list(machines_of(store))

    def one(machine: str) -> Looked | OnwardError:
        try:
            return _looked_at(directories, store, machine, by_machine.get(machine, {}))
        except OnwardError as error:
            return error

    with ThreadPoolExecutor(max(1, min(len(machines), MOST_AT_ONCE))) as threads:
        for machine, seen in zip(machines, threads.map(one, machines), strict=True):
            if isinstance(seen, OnwardError):
                silent[machine] = seen
            else:
                holds |= set(seen.holds)
                states |= seen.states
    return Deployed({step: told["digest"] for step, told in done.items() if step in holds}, states, silent)


def states_here(directory: Path, sockets: Path, kind: str = SUPERVISOR) -> dict[str, list[ProcessState]]:
    """The same for units of this machine."""
    supervisor = keeper(kind, directory, sockets)
    return _by_unit(supervisor) if supervisor.answers() else {}


def held(directory: Path, sockets: Path, done: Mapping[str, Mapping[str, Any]], kind: str = SUPERVISOR) -> list[str]:
    """Which of the steps, all of this machine, hold."""
    supervisor = keeper(kind, directory, sockets)
    supervised = supervisor.answers()
    # What a run that was given up has left waiting is ended by the step of the supervisor.
    alone = supervised and not supervisor.held()
    states = _by_unit(supervisor) if supervised else {}
    return [
        step
        for step, told in done.items()
        if (alone if step.partition("/")[0] == "supervisor" else _holds(step, told["evidence"], directory, states))
    ]


def _looked_at(
    directories: Directories, store: ModelStore, machine: str, done: Mapping[str, Mapping[str, Any]]
) -> Looked:
    """Look at a machine. Raises HostUnreachable, HostKeyUnknown, HostLoginRefused, HostLost."""
    there = machine_of(store, machine)
    message = {"do": "look", "sockets": there.sockets, "keeper": there.keeper, "done": dict(done)}
    access = access_of(there, directories)
    with start_agent(there, access, store.directory.name, lambda _: None) as agent:
        for said in agent.ask(message).answers(LOOK_SECONDS):
            if said is not None and "error" in said:
                raise from_data(said["error"])
            if said is not None:
                seen = said["seen"]
                states = {
                    unit: [ProcessState(**each) for each in processes] for unit, processes in seen["states"].items()
                }
                return Looked(tuple(seen["holds"]), states)
    raise HostUnreachable(f"machine {machine} says nothing.")


def look(directory: Path, message: Mapping[str, Any]) -> dict[str, Any]:
    """The other side of it, on that machine."""
    sockets = Path(message["sockets"])
    return {
        "holds": held(directory, sockets, message["done"], message["keeper"]),
        "states": {
            unit: [asdict(each) for each in processes]
            for unit, processes in states_here(directory, sockets, message["keeper"]).items()
        },
    }


def _by_machine(
    store: ModelStore, done: Mapping[str, Mapping[str, Any]]
) -> dict[str | None, dict[str, Mapping[str, Any]]]:
    """The steps that were done, by the machine that can tell whether they hold; None is this one."""
    machines, units = machines_of(store), machines_of_units(store)
    found: dict[str | None, dict[str, Mapping[str, Any]]] = {}
    for step, told in done.items():
        kind, _, name = step.partition("/")
        of_unit = units.get(name) if kind in ("configure", "start", "reload") else None
        last = step.rpartition("/")[2]
        of_machine = last if kind in ("machine", "supervisor", "environment") and last in machines else None
        # An application may have the name of a machine; the step of a machine's environment has three parts.
        if kind == "environment" and step.count("/") < ENVIRONMENT_PARTS:
            of_machine = None
        found.setdefault(of_unit or of_machine, {})[step] = told
    return found


def _by_unit(supervisor: Keeper) -> dict[str, list[ProcessState]]:
    found: dict[str, list[ProcessState]] = {}
    for state in supervisor.states():
        found.setdefault(state.unit, []).append(state)
    return found


def _holds(step: str, evidence: Mapping[str, Any], model: Path, states: Mapping[str, list[ProcessState]]) -> bool:
    kind, _, name = step.partition("/")
    match kind:
        case "configure":
            directory = model / "units" / name_in_paths(name)
            return all(_sha256(directory / path) == digest for path, digest in evidence["files"].items())
        case "start":
            found = states.get(name, [])
            return bool(found) and all(each.state == "RUNNING" for each in found)
        case "environment":
            if "image" in evidence:
                return (
                    Path(evidence["engine"]).exists()
                    and Engine(evidence["engine"]).image(evidence["image"]) is not None
                )
            return Path(evidence["python"]).exists()
        case "machine":
            return Path(evidence["directory"]).is_dir()
        case _:
            return True


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
