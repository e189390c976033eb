"""``onward rehearse`` as a process of its own, and what it took."""

import os
import sys
from dataclasses import dataclass
from typing import Any

from material.memory import Watched, run_watched
from onward.engine.record import RunRecord
from onward.engine.runs import list_runs
from onward.hosts.state import Directories


@dataclass(frozen=True)
class Rehearsed:
    """A rehearsal that has ended well."""

    watched: Watched
    record: RunRecord

    def phases(self) -> dict[str, float]:
        """Seconds by kind of step; what ran side by side counts in full. The survey comes before the first step."""
        began = (self.record.finished or 0.0) - self.watched.seconds
        found: dict[str, float] = {"survey": round(max(0.0, self.record.created - began), 1)}
        for step in self.record.steps:
            found[step.step.action] = round(found.get(step.step.action, 0.0) + (step.seconds or 0.0), 1)
        return found

    def as_data(self) -> dict[str, Any]:
        """The figures, with the load of the machine that they were taken under. Memory is in MiB."""
        return {
            "seconds": round(self.watched.seconds, 1),
            "processor_seconds": round(self.watched.processor_seconds, 1),
            "phases": self.phases(),
            "onward_mb": round(self.watched.own, 1),
            "others_mb": {kind: round(peak, 1) for kind, peak in sorted(self.watched.others.items())},
            "load_1m": round(os.getloadavg()[0], 1),
        }


def rehearse(directories: Directories, *words: str) -> Rehearsed:
    """Run ``onward rehearse`` with these words. Raises AssertionError, with what it printed, when it fails."""
    log = directories.state / "rehearse.log"
    common = ["--state-dir", str(directories.state), "--cache-dir", str(directories.cache)]
    argv = [sys.executable, "-m", "onward.commands.main", *common, "rehearse", *words]
    watched = run_watched(argv, directories.state, log)
    assert watched.exit_status == 0, log.read_text(errors="replace")[-4000:]
    return Rehearsed(watched, list_runs(directories)[-1])
