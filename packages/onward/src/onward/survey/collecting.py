"""The work of ``onward collect``: one process for each model, whose threads share a collector."""

import fcntl
import os
import queue
import sqlite3
import time
from pathlib import Path

from onward.diagnosis.sighting import Sighting
from onward.errors import CollectorImpossible, ModelUnknown
from onward.hosts.state import Directories
from onward.observe.health_datagrams import Receiver
from onward.plan.deployment.health import COLLECTOR
from onward.survey.health_collector import HealthCollector, history_of, history_path
from onward.survey.sighting import Watcher

PRUNE_SECONDS = 60.0


class Collecting:
    """Collects what units of a model tell, for as long as it is entered."""

    def __init__(
        self, directories: Directories, model: str, keep_seconds: float, udp: tuple[str, int] | None, key: bytes
    ) -> None:
        """Raises ModelUnknown, CollectorImpossible."""
        self._directories, self._model = directories, model
        self._watcher = Watcher(directories, model)
        self.path = history_path(directories, model)
        self._lock = _locked(self.path.with_suffix(".lock"), model)
        try:
            self._history = history_of(directories, model)
            self._receiver = Receiver(Path(self._watcher.record["sockets"]) / COLLECTOR, udp, key)
        except (OSError, sqlite3.Error) as error:
            os.close(self._lock)
            raise CollectorImpossible(f"What {model} tells cannot be collected.", evidence=str(error)) from None
        self._seen: queue.Queue[Sighting] = queue.Queue(1)
        self._keep = keep_seconds
        self._collector = self._new_collector()
        self._pruned = 0.0
        self._before = (0, 0)
        self.kept = 0

    def __enter__(self) -> "Collecting":
        return self

    def __exit__(self, *_: object) -> None:
        self._receiver.close()
        self._history.close()
        os.close(self._lock)

    @property
    def taken(self) -> int:
        """Reports of units that were taken."""
        return self._before[0] + self._collector.taken

    @property
    def refused(self) -> int:
        """Those that were of no unit, or said nothing."""
        return self._before[1] + self._collector.refused + self._receiver.refused

    def look(self) -> bool:
        """Look at everything once, in a thread of its own; False when the model is no more."""
        try:
            watcher = Watcher(self._directories, self._model)
            sighting, _ = watcher.look()
        except ModelUnknown:
            return False
        if watcher.places != self._watcher.places:
            self._watcher = watcher
        while True:
            try:
                self._seen.put(sighting, timeout=1.0)
            except queue.Full:
                continue
            return True

    def work(self, seconds: float) -> None:
        """Take what is told for so long, and keep what changed."""
        for each in self._receiver.received(seconds):
            self._collector.told(each.unit, each.told)
        try:
            sighting = self._seen.get_nowait()
        except queue.Empty:
            sighting = None
        if self._collects_for is not self._watcher:
            self._before = (self.taken, self.refused - self._receiver.refused)
            self._collector = self._new_collector()
        if sighting is not None:
            self._collector.seen(sighting)
        self.kept += self._collector.keep()
        now = time.time()
        if now - self._pruned > PRUNE_SECONDS:
            self._collector.prune(now)
            self._pruned = now

    def _new_collector(self) -> HealthCollector:
        watcher = self._collects_for = self._watcher
        units = [unit for units in watcher.graph.units.values() for unit in units]
        return HealthCollector(units, watcher.places, self._history, self._keep)


def _locked(path: Path, model: str) -> int:
    """The lock, which dies with this process. Raises CollectorImpossible."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise CollectorImpossible(
            f"Somebody collects what {model} tells already.", next_command=f"onward diagnose {model} --since 10m"
        ) from None
    return descriptor
