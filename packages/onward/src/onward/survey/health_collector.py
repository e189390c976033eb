"""Gathers what the units of a model tell and what is seen of them, and keeps what changed."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from onward.diagnosis.observation import ONWARD, Observation
from onward.diagnosis.places import Places
from onward.diagnosis.sighting import FROM_A_LOG, Sighting, observations
from onward.diagnosis.told import told_by
from onward.hosts.health_history import HealthHistory
from onward.hosts.state import Directories
from onward.survey.health import read_health

MOST_OF_A_UNIT = 64
"""Others that one unit may speak of: it knows of 32."""
MOST_CHANGES = 100_000
"""Between two times that they are written: who tells another thing each time is not followed faster."""
MOST_ROWS = 1_000_000


class HealthCollector:
    """What is known now of who says what of whom; its size is bounded by the units of the model.

    What names no unit of the model, or says nothing, is counted and left out.
    """

    def __init__(self, units: Iterable[str], places: Places, history: HealthHistory, keep_seconds: float) -> None:
        self._said: dict[str, dict[str, Observation]] = {unit: {} for unit in units}
        self._places = places
        self._history = history
        self._keep = keep_seconds
        self._looked: set[tuple[str, str]] = set()
        self._changed: list[Observation] = []
        self.taken = 0
        self.refused = 0

    def told(self, unit: str, answer: Any, at: float | None = None) -> None:
        """A unit tells: what its ``/health`` would answer. Never raises for what others send."""
        moment = time.time() if at is None else at
        try:
            if unit not in self._said:
                raise ValueError("no unit of this model")
            self._take(told_by([read_health(unit, answer)], self._places, moment))
            self.taken += 1
        except (ValueError, TypeError, RecursionError, OverflowError):
            self.refused += 1

    def seen(self, sighting: Sighting) -> None:
        """Onward has looked itself.

        What only a look tells of a unit (its process does not run, somebody holds it, it is cut off) is over where the
        next one does not tell it any more. A log may be silent for a while.
        """
        now = {
            (each.user, each.about)
            for each in sighting.seen
            if each.user != ONWARD and not each.detail.startswith(FROM_A_LOG)
        }
        found = list(observations(sighting, self._places))
        said = {(each.user, each.about) for each in found}
        over = sorted(self._looked - now - said)
        self._looked = now
        self._take([*found, *(Observation(user, about, "ok", sighting.at) for user, about in over)])

    def keep(self) -> int:
        """Write what changed since the last time; how much that was. Raises sqlite3.Error."""
        changed, self._changed = self._changed, []
        if changed:
            self._history.add(changed)
        return len(changed)

    def prune(self, now: float) -> None:
        """Forget what is too old. Raises sqlite3.Error."""
        self._history.prune(now - self._keep, MOST_ROWS)

    def _take(self, found: Iterable[Observation]) -> None:
        for each in found:
            own = self._said.setdefault(each.user, {})
            before = own.get(each.about)
            if before is None and each.user != ONWARD and len(own) >= MOST_OF_A_UNIT:
                continue
            if before is not None and (before.saw, before.detail) == (each.saw, each.detail):
                continue
            if len(self._changed) < MOST_CHANGES:
                own[each.about] = each
                self._changed.append(each)


def history_path(directories: Directories, model: str) -> Path:
    """Where the history of a model is kept."""
    return directories.state / "health" / f"{model}.sqlite"


def history_of(directories: Directories, model: str) -> HealthHistory:
    """The history of a model, begun where there is none. Raises OSError, sqlite3.Error."""
    return HealthHistory(history_path(directories, model))
