"""Whether units may go: what they leave behind has to serve on; and what stays when all have gone."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from onward.engine.runs import list_runs
from onward.errors import UnitNeeded
from onward.hosts.state import Directories
from onward.hosts.supervisor import ProcessState
from onward.plan.deployment.topology import Topology

LEAST_OF_A_CLUSTER = 2
"""A single server is none: those that use it would be moved to it while others still write to the nodes that go."""


def require_departure(found: Topology, surplus: Collection[str], states: Mapping[str, Sequence[ProcessState]]) -> None:
    """Return when these units may go. Raises UnitNeeded.

    A cluster stays a cluster, or goes as a whole. Its nodes go only while all that stay run: these have the data then.
    """
    wrong = []
    for name, charm in found.charms.items():
        leaving = [unit for unit in surplus if unit.partition("/")[0] == name]
        staying = found.units(name)
        if charm.cluster is None or not leaving or not staying:
            continue
        if len(staying) < LEAST_OF_A_CLUSTER:
            wrong.append(f"{name} would be left with {staying[0]} alone: a cluster keeps two nodes, or goes as a whole")
        down = [unit for unit in staying if not _runs(states.get(unit, ()))]
        wrong += [f"{', '.join(leaving)} would go, and {unit}, which stays, does not run" for unit in down]
    if wrong:
        raise UnitNeeded(
            "The cloud cannot do without these units now.", evidence="\n".join(wrong), next_command="onward status"
        )


def _runs(states: Sequence[ProcessState]) -> bool:
    return bool(states) and all(each.state == "RUNNING" for each in states)


def kept_backups(directories: Directories, model: str) -> list[Path]:
    """The directories of backups that runs of a model have made: they are the runs', and outlive it."""
    runs = (each.run_id for each in list_runs(directories) if each.plan.cloud == model)
    return sorted(path for run in runs if (path := directories.workspace(run) / "backup").is_dir())
