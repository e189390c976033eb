"""What keeps the processes of a model running on this machine: systemd or a supervisor, behind the same words."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from onward.hosts.model_store import ModelStore
from onward.hosts.supervisor import ProcessState, Supervisor
from onward.hosts.systemd import Systemd
from onward.model.deployment import UnitProcess

SYSTEMD, SUPERVISOR = "systemd", "supervisor"


class Keeper(Protocol):
    """See :class:`onward.hosts.supervisor.Supervisor` for what each means."""

    def ensure(self) -> int: ...  # noqa: D102
    def answers(self) -> bool: ...  # noqa: D102
    def apply(self, unit: str, processes: Sequence[UnitProcess], configuration: str) -> bool: ...  # noqa: D102
    def hold(self, unit: str, processes: Sequence[UnitProcess], configuration: str) -> bool: ...  # noqa: D102
    def imported(self, unit: str) -> bool: ...  # noqa: D102
    def held(self) -> list[str]: ...  # noqa: D102
    def release(self, unit: str) -> None: ...  # noqa: D102
    def runs(self, unit: str, processes: Sequence[UnitProcess], configuration: str) -> bool: ...  # noqa: D102
    def remove(self, unit: str) -> None: ...  # noqa: D102
    def stop(self, units: Sequence[str], unused: Callable[[str, str], bool] = ...) -> None: ...  # noqa: D102
    def states(self, unit: str | None = None) -> list[ProcessState]: ...  # noqa: D102
    def end(self) -> None: ...  # noqa: D102


def keeper(kind: str, directory: Path, sockets: Path) -> Keeper:
    """That of a model, by its kind."""
    return Systemd(directory) if kind == SYSTEMD else Supervisor(directory, sockets)


def keeper_of(store: ModelStore, sockets: Path) -> Keeper:
    """That of a model on the machine where this runs: what was chosen for it, else a supervisor."""
    record = store.record() if store.exists else {}
    return keeper(record.get("keeper", SUPERVISOR), store.directory, sockets)
