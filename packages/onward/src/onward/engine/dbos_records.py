"""The durable record of attempts: the only module that knows DBOS.

Facts of dbos 3.4 that shape it (https://docs.dbos.dev, and measured): a workflow with an identifier that is recorded as
done returns the recorded result; one that is recorded as pending by a process that is gone would be waited for, so that a
new life never asks for an old attempt's identifier again. ``application_version`` is pinned to the plan's, and each process
has an executor id of its own, so that DBOS's recovery at launch never runs anything behind the scheduler's back.
"""

import json
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
from dbos import DBOS, SetWorkflowID

from onward.engine.action import Evidence
from onward.errors import Bug, OnwardError, from_data


@dataclass(frozen=True)
class Attempt:
    """One attempt at a step, as DBOS has it."""

    workflow_id: str
    step_id: str
    number: int
    evidence: Evidence | None
    """What it left, when it was recorded as done."""
    open: bool
    """True when it began and was never recorded."""


_bodies: dict[str, Callable[[], Evidence]] = {}
_bodies_lock = threading.Lock()


@DBOS.workflow(name="onward.attempt")
def _attempt(workflow_id: str) -> dict[str, Any]:
    """Run the body that was left for this attempt. Its result, good or bad, is what DBOS records.

    A failure is returned, not raised: DBOS pickles exceptions, and a record must be readable for ever.
    """
    with _bodies_lock:
        body = _bodies.pop(workflow_id)
    try:
        return {"evidence": body()}
    except OnwardError as error:
        return {"error": error.as_data()}


class JsonSerializer:
    """Records are JSON, so that anybody can read them with sqlite3 alone."""

    def name(self) -> str:
        """The name under which DBOS notes the format."""
        return "onward-json"

    def serialize(self, data: Any) -> str:
        """Turn arguments and results into text."""
        return json.dumps(data)

    def deserialize(self, serialized_data: str) -> Any:
        """Read them back."""
        return json.loads(serialized_data)


class Records:
    """DBOS, launched for as long as a run is at work in this process."""

    def __init__(self, path: Path, version: str) -> None:
        self._path = path
        self._version = version
        self._engine = _engine(path)

    def __enter__(self) -> Self:
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        DBOS(
            config={
                "name": "onward",
                "system_database_engine": self._engine,
                "system_database_url": f"sqlite:///{self._path}",
                "application_version": self._version,
                "executor_id": f"{os.getpid()}-{uuid.uuid4().hex[:8]}",
                "log_level": "CRITICAL",
                "enable_otlp": False,
                "notification_listener_polling_interval_sec": 0.2,
                "scheduler_polling_interval_sec": 60.0,
            }
        )
        DBOS.launch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        DBOS.destroy()
        self._engine.dispose()

    def attempt(self, run_id: str, step_id: str, number: int, body: Callable[[], Evidence]) -> Evidence:
        """Run ``body`` as this attempt, and return its evidence once that is recorded.

        Raises the OnwardError that the body raised, once that is recorded.
        """
        workflow_id = f"{run_id}/{step_id}/{number}"
        with _bodies_lock:
            _bodies[workflow_id] = body
        with SetWorkflowID(workflow_id):
            result = _attempt(workflow_id)
        if "error" in result:
            raise from_data(result["error"])
        evidence: Evidence = result["evidence"]
        return evidence

    def attempts(self, run_id: str) -> list[Attempt]:
        """All attempts of a run that DBOS knows, in the order they began."""
        found = []
        for status in DBOS.list_workflows(workflow_id_prefix=f"{run_id}/"):
            step_id, _, number = status.workflow_id.removeprefix(f"{run_id}/").rpartition("/")
            output = status.output if status.status == "SUCCESS" else None
            found.append(
                Attempt(
                    workflow_id=status.workflow_id,
                    step_id=step_id,
                    number=int(number),
                    evidence=(output or {}).get("evidence"),
                    open=status.status in ("PENDING", "ENQUEUED"),
                )
            )
        return found

    def give_up(self, attempt: Attempt) -> None:
        """Close an attempt that a dead process left open."""
        if not attempt.open:
            raise Bug(f"{attempt.workflow_id} is not open")
        DBOS.cancel_workflow(attempt.workflow_id)


def _engine(path: Path) -> sqlalchemy.Engine:
    """A SQLite engine on which a commit is on the disk when it returns."""
    engine = sqlalchemy.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30, "check_same_thread": False})

    @sqlalchemy.event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA busy_timeout=30000")

    return engine
