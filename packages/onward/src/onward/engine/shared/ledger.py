"""Who does what in a store that controllers share: runs and who leads them, attempts at steps and whose they are.

Every change is one transaction, in which no other controller writes. It begins by asking whether this controller's
lease is still recorded; who takes over records in such a transaction that it is not. So a controller that was taken for
dead cannot record anything any more, however it comes back.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from onward import __version__
from onward.engine.action import Evidence
from onward.engine.journal import Journal, Request
from onward.engine.runs import process_identity, process_namespace
from onward.errors import LeaseLost
from onward.model.store import StoreAddress

State = Literal["open", "done", "failed", "retried", "given-up"]
"""retried: it failed, and the next attempt was begun with it. given-up: it ended without an end."""

KILLED_SECONDS = 10.0
"""For how long the end of a process that was killed is waited for."""


@dataclass(frozen=True)
class Change:
    """The latest of an attempt."""

    step_id: str
    number: int
    state: State
    evidence: Evidence | None
    changed: int
    """Number of the event that was told with it."""


@dataclass(frozen=True)
class Standing:
    """How a run stands in the queue."""

    last: int
    """Number of the latest event in the store, of whichever run."""
    request: Request | None
    queued: bool
    leader: int | None
    since: int
    """Failures up to this event are forgotten: the run was resumed."""


@dataclass(frozen=True)
class Controller:
    """A controller as the store knows it."""

    token: int
    host: str
    pid: int
    process: str
    """Its process's identity and namespace, with a blank between them."""
    lease: float
    beat: int


@dataclass(frozen=True)
class ControllerAtWork:
    """What there is to tell of a controller whose lease holds."""

    token: int
    host: str
    pid: int
    version: str
    began: float
    """Seconds since the epoch."""
    leads: tuple[str, ...]
    """Names of the runs."""
    steps: int
    """How many it is carrying out."""
    site: str


class Ledger:
    """Access to the shared tables for one controller, from any thread."""

    def __init__(self, journal: Journal, token: int, site: str) -> None:
        self.journal = journal
        self.token = token
        self._site = site

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """While inside, nobody else writes. Raises LeaseLost when this is no controller any more."""
        with self.journal.transaction():
            if not self._execute("SELECT 1 FROM onward_controllers WHERE token = ? AND NOT lost", self.token):
                raise LeaseLost(
                    "Other controllers have taken over what this one was doing.",
                    state="What it wanted to record was not recorded.",
                )
            yield

    # --- Runs

    def waiting(self) -> dict[str, str]:
        """Runs that wait for a controller such as this one to lead them, the oldest first, with their clouds."""
        rows = self._execute(
            "SELECT run_id, cloud FROM onward_runs AS wanted WHERE queued AND leader IS NULL AND onward_version = ?"
            " AND site = ? AND NOT EXISTS (SELECT 1 FROM onward_runs AS other WHERE other.cloud = wanted.cloud"
            " AND other.leader IS NOT NULL) ORDER BY created, run_id",
            __version__,
            self._site,
        )
        return dict(rows)

    def led_elsewhere(self) -> list[str]:
        """Runs that other controllers lead, and this one could help with, the oldest first."""
        rows = self._execute(
            "SELECT run_id FROM onward_runs WHERE queued AND leader IS NOT NULL AND leader <> ? AND onward_version = ?"
            " AND site = ? ORDER BY created, run_id",
            self.token,
            __version__,
            self._site,
        )
        return [row[0] for row in rows]

    def lead(self, run_id: str) -> int | None:
        """Become the one that leads a run: the number of its term; None when another was quicker."""
        with self.transaction():
            if run_id not in self.waiting():
                return None
            self._execute("UPDATE onward_runs SET leader = ? WHERE run_id = ?", self.token, run_id)
            return int(self._execute("SELECT nextval('onward_tokens')")[0][0])

    def leave(self, run_id: str, *, ended: bool) -> None:
        """Lead a run no longer; one that has not ended waits for another controller. In a transaction."""
        self._execute("UPDATE onward_runs SET leader = NULL, queued = ? WHERE run_id = ?", not ended, run_id)

    def standing(self, run_id: str) -> Standing:
        """How the run stands now."""
        rows = self._execute(
            "SELECT last, request, queued, leader, since FROM onward_store, onward_runs WHERE run_id = ?", run_id
        )
        return Standing(*rows[0])

    # --- Attempts; the first two in a transaction

    def begin(self, run_id: str, step_id: str, number: int, changed: int) -> None:
        """An attempt of this controller begins."""
        self._execute(
            "INSERT INTO onward_attempts (run_id, step_id, number, token, state, changed)"
            " VALUES (?, ?, ?, ?, 'open', ?)",
            run_id,
            step_id,
            number,
            self.token,
            changed,
        )

    def end(self, run_id: str, step_id: str, number: int, state: State, changed: int, evidence: Any = None) -> None:
        """An attempt of this controller has ended. Raises LeaseLost when it is not its attempt any more."""
        rows = self._execute(
            "UPDATE onward_attempts SET state = ?, result = ?, changed = ?"
            " WHERE run_id = ? AND step_id = ? AND number = ? AND token = ? AND state = 'open' RETURNING number",
            state,
            None if evidence is None else json.dumps(evidence, ensure_ascii=False),
            changed,
            run_id,
            step_id,
            number,
            self.token,
        )
        if not rows:
            raise LeaseLost(f"The attempt at {step_id} is not this controller's any more.")

    def changes(self, run_id: str, after: int) -> list[Change]:
        """The attempts that have changed since an event, in the order of their changes."""
        rows = self._execute(
            "SELECT step_id, number, state, result, changed FROM onward_attempts WHERE run_id = ? AND changed > ?"
            " ORDER BY changed",
            run_id,
            after,
        )
        return [
            Change(step, number, state, None if result is None else json.loads(result), changed)
            for step, number, state, result, changed in rows
        ]

    # --- Other controllers

    def controllers(self) -> list[Controller]:
        """All others that are not known to be gone."""
        rows = self._execute(
            "SELECT token, host, pid, process, lease, beat FROM onward_controllers WHERE NOT lost AND token <> ?",
            self.token,
        )
        return [Controller(*row) for row in rows]

    def take_from(self, lost: Controller) -> bool:
        """Record that a controller's lease has run out, and give back all it had; whether it was this one that did.

        On this machine its process is ended first: then it cannot be in the middle of anything.
        """
        with self.transaction():
            if not self._execute(
                "UPDATE onward_controllers SET lost = true WHERE token = ? AND beat = ? AND NOT lost RETURNING token",
                lost.token,
                lost.beat,
            ):
                return False
            _end_process(lost)
            name = f"{lost.host}/{lost.pid}"
            for run_id, step_id, number in self._execute(
                "SELECT run_id, step_id, number FROM onward_attempts WHERE token = ? AND state = 'open'"
                " ORDER BY run_id, step_id",
                lost.token,
            ):
                error = LeaseLost(f"The controller {name} was lost.", state="The step is begun anew.")
                event = self.journal.tell(run_id, "step.aborted", step_id, {"error": error.as_data()})
                self._execute(
                    "UPDATE onward_attempts SET state = 'given-up', changed = ?"
                    " WHERE run_id = ? AND step_id = ? AND number = ?",
                    event.number,
                    run_id,
                    step_id,
                    number,
                )
            for (run_id,) in self._execute(
                "UPDATE onward_runs SET leader = NULL WHERE leader = ? RETURNING run_id", lost.token
            ):
                self.journal.tell(run_id, "controller.lost", None, {"controller": name})
        return True

    def _execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        return self.journal.database.execute(statement, values)


class Watch:
    """Finds controllers whose lease has run out, by this process's own clock."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[int, float]] = {}

    def lost(self, controllers: list[Controller]) -> list[Controller]:
        """Those whose heartbeat has not changed for as long as their lease."""
        at, before, self._seen = time.monotonic(), self._seen, {}
        found = []
        for each in controllers:
            beat, since = before.get(each.token, (-1, at))
            self._seen[each.token] = (each.beat, since if beat == each.beat else at)
            if at - self._seen[each.token][1] >= each.lease:
                found.append(each)
        return found


def list_controllers(address: StoreAddress) -> list[ControllerAtWork]:
    """The controllers of a store, the oldest first. Raises StoreUnreachable, StoreOfAnotherFormat."""
    with Journal(address) as journal:
        rows = journal.database.execute(
            "SELECT token, host, pid, onward_version, began,"
            " ARRAY(SELECT run_id FROM onward_runs WHERE leader = token ORDER BY run_id),"
            " (SELECT count(*) FROM onward_attempts AS attempt WHERE attempt.token = controller.token"
            " AND state = 'open'), site"
            " FROM onward_controllers AS controller"
            " WHERE NOT lost AND clock_timestamp() < beat_at + make_interval(secs => lease) ORDER BY token"
        )
    return [
        ControllerAtWork(row[0], row[1], row[2], row[3], row[4], leads=tuple(row[5]), steps=row[6], site=row[7])
        for row in rows
    ]


def _end_process(controller: Controller) -> None:
    """Kill the process of a controller, where it runs on this machine, and wait for its end.

    Its identity names the boot of its machine, and what is beside it the numbering of its processes, so that no other
    process is ever meant.
    """
    identity, _, namespace = controller.process.partition(" ")
    if namespace != process_namespace():
        return
    deadline = time.monotonic() + KILLED_SECONDS
    while process_identity(controller.pid) == identity and time.monotonic() < deadline:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(controller.pid, signal.SIGKILL)
        time.sleep(0.01)


def fence_file(state: Path, cloud: str) -> Path:
    """Where the term of who leads the cloud's run is written down."""
    return state / "fences" / cloud.replace("/", "_")
