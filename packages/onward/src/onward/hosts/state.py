"""Where Onward keeps what must outlive a process, and where it keeps what can be made again."""

import os
from dataclasses import dataclass
from pathlib import Path

from onward.hosts.model_store import ModelStore


@dataclass(frozen=True)
class Directories:
    """The two directories of an Onward installation.

    ``state`` holds the journal and one directory per run (0700); losing it loses the runs.
    ``cache`` holds environments and constraints; deleting it costs only time.
    """

    state: Path
    cache: Path

    @property
    def journal(self) -> Path:
        """The journal's database file."""
        return self.state / "journal.sqlite"

    @property
    def environments(self) -> Path:
        """Parent of all built environments, shared between runs."""
        return self.cache / "environments"

    @property
    def models(self) -> Path:
        """Parent of all deployed models, each with a private directory of its own."""
        return self.state / "models"

    def model_store(self, model: str) -> ModelStore:
        """What is kept of a deployed model, whether or not there is one of this name."""
        return ModelStore(self.models / model)

    @property
    def known_hosts(self) -> Path:
        """The keys of machines that were recorded with ``onward hosts add``."""
        return self.state / "known_hosts"

    @property
    def baselines(self) -> Path:
        """Parent of all baselines that runs' times are compared with."""
        return self.state / "baselines"

    def workspace(self, run_id: str) -> Path:
        """The private directory of one run."""
        return self.state / "runs" / run_id

    def prepared(self) -> "Directories":
        """Itself, with both directories made; the state only for its owner."""
        self.cache.mkdir(parents=True, exist_ok=True)
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.state / "runs").mkdir(exist_ok=True, mode=0o700)
        return self


def default_directories() -> Directories:
    """By the environment: ONWARD_STATE_DIR and ONWARD_CACHE_DIR, then the XDG directories."""
    home = Path.home()
    state = (
        os.environ.get("ONWARD_STATE_DIR") or Path(os.environ.get("XDG_STATE_HOME") or home / ".local/state") / "onward"
    )
    cache = os.environ.get("ONWARD_CACHE_DIR") or Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "onward"
    return Directories(state=Path(state).absolute(), cache=Path(cache).absolute())
