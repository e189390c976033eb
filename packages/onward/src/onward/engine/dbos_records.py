"""The durable record of attempts: the only module that knows DBOS.

Facts of dbos 3.4 that shape it, read in its source and tried: a workflow with an identifier that is recorded as done
returns the recorded result; one that is recorded as pending by a process that is gone would be waited for, so that a
new life never asks for an old attempt's identifier again. ``application_version`` is pinned to the plan's, and each
process has an executor id of its own, so that DBOS's recovery at launch never runs anything behind the scheduler's
back. A workflow that is called, and not started or enqueued, runs in the caller's thread: no queue is polled.
"""

import logging
import os
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy
from dbos import DBOS, SetWorkflowID, WorkflowSerializationFormat

from onward.engine.action import Evidence
from onward.engine.sqlite_database import BUSY_SECONDS
from onward.errors import Bug, OnwardError, from_data

_UNUSED_SECONDS = 3600.0
"""How often DBOS looks for schedules, of which there are none."""
_LISTENER_SECONDS = 0.2
"""How often its listener wakes up. It serves nothing here, but leaving DBOS waits for the end of its sleep."""


@dataclass(frozen=True)
class Attempt:
    """One attempt at a step, as DBOS has it."""

    workflow_id: str
    step_id: str
    number: int
    evidence: Evidence | None
    """What it left, when it was recorded as done."""
    finished: float | None
    """When it was recorded, in seconds since the epoch; None while it is open."""
    open: bool
    """True when it began and was never recorded."""


_bodies: dict[str, Callable[[], Evidence]] = {}
_in_use = threading.Lock()


@DBOS.workflow(name="onward.attempt", serialization_type=WorkflowSerializationFormat.PORTABLE)
def _attempt(workflow_id: str) -> dict[str, Any]:
    """Run the body that was left for this attempt. Its result, good or bad, is what DBOS records, as JSON.

    A failure is returned, not raised, so that it is recorded whole, with its code and evidence.
    """
    try:
        return {"evidence": _bodies[workflow_id]()}
    except OnwardError as error:
        return {"error": error.as_data()}


class Records:
    """DBOS, launched for as long as a run is at work in this process; its instance is one for the whole process."""

    def __init__(self, path: Path, version: str) -> None:
        self._path = path
        self._version = version
        self._engine = _engine(path)

    def __enter__(self) -> Self:
        if not _in_use.acquire(blocking=False):
            raise Bug("One process carries out one run at a time.", state="The run was not touched.")
        try:
            self._launch()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def attempt(self, run_id: str, step_id: str, number: int, body: Callable[[], Evidence]) -> Evidence:
        """Run ``body`` as this attempt, and return its evidence once that is recorded.

        Raises the OnwardError that the body raised, once that is recorded. The body raises nothing else.
        """
        workflow_id = f"{run_id}/{step_id}/{number}"
        _bodies[workflow_id] = body
        try:
            with SetWorkflowID(workflow_id):
                result = _attempt(workflow_id)
        finally:
            del _bodies[workflow_id]
        if "error" in result:
            raise from_data(result["error"])
        evidence: Evidence = result["evidence"]
        return evidence

    def attempts(self, run_id: str) -> list[Attempt]:
        """All attempts of a run that DBOS knows, in the order they began."""
        found = []
        for status in DBOS.list_workflows(workflow_id_prefix=f"{run_id}/", load_input=False):
            step_id, _, number = status.workflow_id.removeprefix(f"{run_id}/").rpartition("/")
            output = status.output if status.status == "SUCCESS" else None
            found.append(
                Attempt(
                    workflow_id=status.workflow_id,
                    step_id=step_id,
                    number=int(number),
                    evidence=(output or {}).get("evidence"),
                    finished=status.completed_at / 1000 if status.completed_at else None,
                    open=status.status == "PENDING",
                )
            )
        return found

    def give_up(self, attempt: Attempt) -> None:
        """Close an attempt that a dead process left open."""
        if not attempt.open:
            raise Bug(f"{attempt.workflow_id} is not open")
        DBOS.cancel_workflow(attempt.workflow_id)

    def _launch(self) -> None:
        # DBOS gives its logger a handler that writes to standard error, unless it has one already.
        logger = logging.getLogger("dbos")
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False
        DBOS(
            config={
                "name": "onward",
                "system_database_engine": self._engine,
                "system_database_url": f"sqlite:///{self._path}",
                "application_version": self._version,
                "executor_id": f"{os.getpid()}-{uuid.uuid4().hex[:8]}",
                "enable_otlp": False,
                "notification_listener_polling_interval_sec": _LISTENER_SECONDS,
                "scheduler_polling_interval_sec": _UNUSED_SECONDS,
            }
        )
        DBOS.launch()

    def _leave(self) -> None:
        try:
            DBOS.destroy()
            self._engine.dispose()
        finally:
            _in_use.release()


def _engine(path: Path) -> sqlalchemy.Engine:
    """A SQLite engine on which a commit is on the disk when it returns.

    DBOS sets the last three only on an engine that it makes itself.
    """
    engine = sqlalchemy.create_engine(
        f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}
    )

    @sqlalchemy.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.isolation_level = "IMMEDIATE"

    return engine
