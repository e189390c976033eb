"""Where Onward keeps what must outlive a process, and where it keeps what can be made again."""

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from onward.hosts.private_file import write_private
from onward.model.store import StoreAddress

if TYPE_CHECKING:
    from onward.hosts.model_store import ModelStore


@dataclass(frozen=True)
class Directories:
    """The two directories of an Onward installation.

    ``state`` holds the journal and one directory per run (0700); losing it loses the runs.
    ``cache`` holds environments and constraints; deleting it costs only time.
    """

    state: Path
    cache: Path
    store: StoreAddress | None = None
    """Where runs are journaled instead, when several controllers share them."""

    @property
    def journal(self) -> Path | StoreAddress:
        """The journal: a file of SQLite, or the store that was named."""
        return self.store or self.journal_file

    @property
    def journal_file(self) -> Path:
        """The journal that is kept here where no store was named, with DBOS's records in it."""
        return self.state / "journal.sqlite"

    @property
    def journaled(self) -> bool:
        """Whether there is a journal; a store makes its own when it is first asked."""
        return isinstance(self.journal, StoreAddress) or self.journal.exists()

    @property
    def environments(self) -> Path:
        """Parent of all built environments, shared between runs."""
        return self.cache / "environments"

    @property
    def models(self) -> Path:
        """Parent of all deployed models, each with a private directory of its own."""
        return self.state / "models"

    def model_store(self, model: str) -> "ModelStore":
        """What is kept of a deployed model, whether or not there is one of this name."""
        from onward.hosts.model_store import ModelStore  # noqa: PLC0415 - slow to import, and not all commands need it

        return ModelStore(self.models / model)

    @property
    def known_hosts(self) -> Path:
        """The keys of machines that were recorded with ``onward hosts add``."""
        return self.state / "known_hosts"

    @property
    def machines(self) -> Path:
        """The machines that were recorded with ``onward hosts add``."""
        return self.state / "machines.json"

    @property
    def baselines(self) -> Path:
        """Parent of all baselines that runs' times are compared with."""
        return self.state / "baselines"

    def workspace(self, run_id: str) -> Path:
        """The private directory of one run."""
        return self.state / "runs" / run_id

    def site(self) -> str:
        """What tells this pair of directories from all others, on whichever machine: steps leave files in both."""
        path = self.state / "site"
        if not path.exists():
            new = path.with_name(f".site.{os.getpid()}")
            write_private(new, secrets.token_hex(8))
            with suppress(FileExistsError):
                os.link(new, path)
            new.unlink()
        return f"{path.read_text()}:{self.cache}"

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
