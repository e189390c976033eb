"""What a deployed model tells of itself now, and which causes explain it."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from onward.diagnosis.causes import Cause, Diagnosis, diagnose
from onward.diagnosis.dependencies import Dependencies
from onward.diagnosis.history import Episode, episodes
from onward.diagnosis.sighting import observations
from onward.errors import HistoryMissing
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.hosts.supervisor import ProcessState
from onward.survey.health_collector import history_of, history_path
from onward.survey.sighting import Watcher


@dataclass(frozen=True)
class ModelDiagnosis:
    """The causes, each with the command to type next."""

    causes: tuple[tuple[Cause, str], ...]
    untold: tuple[str, ...]
    looked_at: int
    """Observations that it is made of."""


def diagnose_model(directories: Directories, model: str) -> ModelDiagnosis:
    """Look at a model, and say what is wrong. Raises ModelUnknown."""
    watcher = Watcher(directories, model)
    sighting, deployed = watcher.look()
    said = list(observations(sighting, watcher.places))
    told = diagnose(said, watcher.graph)
    ways = tuple(
        (each, _next_command(each, model, watcher.store, watcher.graph, deployed.states, watcher.record["addresses"]))
        for each in told.causes
    )
    return ModelDiagnosis(ways, _not_seen(told, watcher.silent(deployed)), len(said))


def diagnose_past(directories: Directories, model: str, since: float) -> tuple[Episode, ...]:
    """What was wrong since then (seconds since 1970), as it was collected. Raises ModelUnknown, HistoryMissing."""
    watcher = Watcher(directories, model)
    if not history_path(directories, model).is_file():
        raise HistoryMissing(
            f"Nobody has kept what {model} tells of itself.",
            evidence=f"there is no {history_path(directories, model)}",
            next_command=f"onward collect {model}",
        )
    with closing(history_of(directories, model)) as history:
        return tuple(
            each for each in episodes(history.since(since), watcher.graph) if each.ended is None or each.ended >= since
        )


def _not_seen(told: Diagnosis, silent: set[str]) -> tuple[str, ...]:
    return (*told.untold, *(f"how {unit} is: its machine cannot be asked" for unit in sorted(silent)))


def _next_command(
    cause: Cause,
    model: str,
    store: ModelStore,
    graph: Dependencies,
    states: Mapping[str, list[ProcessState]],
    addresses: Mapping[str, str],
) -> str:
    """What an operator would look at first; it changes nothing."""
    application = graph.application.get(cause.ends[0])
    if application is None:
        return f"onward status {model}"
    unit = cause.ends[0] if cause.ends[0] not in graph.units else graph.units[application][0]
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
