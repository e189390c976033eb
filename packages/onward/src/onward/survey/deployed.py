"""What of a deployed model is still as its steps have left it."""

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from onward.hosts.model_store import ModelStore
from onward.hosts.supervisor import ProcessState, Supervisor


def steps_that_hold(store: ModelStore, sockets: PurePath) -> dict[str, str]:
    """Digests of the steps that were done and need not be done again, by step."""
    supervisor = Supervisor(store.directory, Path(sockets))
    supervised = supervisor.answers()
    states = _by_unit(supervisor) if supervised else {}
    return {
        step: told["digest"]
        for step, told in store.done().items()
        if (supervised if step == "supervisor" else _holds(step, told["evidence"], store, states))
    }


def process_states(store: ModelStore, sockets: PurePath) -> dict[str, list[ProcessState]]:
    """What the processes of each unit do; nothing where the model's supervisor does not run."""
    supervisor = Supervisor(store.directory, Path(sockets))
    return _by_unit(supervisor) if supervisor.answers() else {}


def _by_unit(supervisor: Supervisor) -> dict[str, list[ProcessState]]:
    found: dict[str, list[ProcessState]] = {}
    for state in supervisor.states():
        found.setdefault(state.unit, []).append(state)
    return found


def _holds(step: str, evidence: Mapping[str, Any], store: ModelStore, states: Mapping[str, list[ProcessState]]) -> bool:
    kind, _, name = step.partition("/")
    match kind:
        case "configure":
            directory = store.directory / "units" / name.replace("/", "-")
            return all(_sha256(directory / path) == digest for path, digest in evidence["files"].items())
        case "start":
            found = states.get(name, [])
            return bool(found) and all(each.state == "RUNNING" for each in found)
        case "environment":
            return Path(evidence["python"]).exists()
        case _:
            return True


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
