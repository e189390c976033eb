"""What is kept of a model, seen from a machine where a step of it is at work: asked of whoever sent the step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories

Ask = Callable[[str, str, list[Any]], Any]
"""Model, what is asked for, and with which arguments."""


@dataclass(frozen=True)
class AskedStore(ModelStore):
    """A model's units and sockets are on this machine; its notes and its secrets are not, and never will be."""

    ask: Ask = field(kw_only=True, repr=False)

    def _asked(self, what: str, *arguments: Any) -> Any:
        return self.ask(self.directory.name, what, list(arguments))

    @property
    def exists(self) -> bool:
        """Whether there is such a model where the step comes from."""
        return bool(self._asked("exists"))

    def record(self) -> dict[str, Any]:
        """What the model shall be."""
        found: dict[str, Any] = self._asked("record")
        return found

    def secrets(self) -> dict[str, str]:
        """Those secrets that the step needs."""
        found: dict[str, str] = self._asked("secrets")
        return found

    def note_done(self, step: str, digest: str, evidence: Mapping[str, Any]) -> None:
        """Remember that a step was done."""
        self._asked("note_done", step, digest, dict(evidence))

    def done(self) -> dict[str, dict[str, Any]]:
        """Digest and evidence of every step that was done."""
        found: dict[str, dict[str, Any]] = self._asked("done")
        return found

    def noted(self, step: str) -> dict[str, Any]:
        """Digest and evidence of one of them."""
        return self.done().get(step, {})

    def series(self) -> dict[str, str]:
        """At which release the databases of each service are."""
        found: dict[str, str] = self._asked("series")
        return found

    def note_series(self, service: str, series: str) -> None:
        """Remember at which release the databases of a service are."""
        self._asked("note_series", service, series)

    def owe(self, unit: str, digest: str, why: str, *, deferred: bool = False) -> None:
        """Remember that a unit has to be restarted: it is on the disk there when this returns."""
        self._asked("owe", unit, digest, why)

    def owes_nothing(self, unit: str, digest: str) -> None:
        """Forget what it owes, where it runs so."""
        self._asked("owes_nothing", unit, digest)

    def note_empty(self, step: str) -> None:
        """Remember that nothing is in the databases that it is about to fill."""
        self._asked("note_empty", step)

    def began_empty(self, step: str) -> bool:
        """Whether it has begun so, and has not come to its end."""
        return bool(self._asked("began_empty", step))

    def note_filled(self, step: str) -> None:
        """The step has come to its end."""
        self._asked("note_filled", step)

    def undo(self, step: str) -> None:
        """Forget that a step was done: it is forgotten when this returns."""
        self._asked("undo", step)


@dataclass(frozen=True)
class AskedDirectories(Directories):
    """The directories of this machine, with models whose notes are elsewhere."""

    ask: Ask = field(kw_only=True, repr=False)

    def model_store(self, model: str) -> ModelStore:
        """The model, as the step may know it."""
        return AskedStore(self.models / model, ask=self.ask)
