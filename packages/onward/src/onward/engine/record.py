"""What can be known of a run from outside: pure data, the one source of every view."""

from dataclasses import dataclass
from typing import Any, Literal

from onward.engine.action import Evidence
from onward.plan.plan import Plan
from onward.plan.step import Step

StepStatus = Literal["waiting", "running", "done", "failed"]
RunStatus = Literal["waiting", "running", "interrupted", "paused", "cancelled", "failed", "done"]
"""interrupted: its process ended without a word; it can be resumed."""


@dataclass(frozen=True)
class StepRecord:
    """A step and what became of it. Times are seconds since the epoch."""

    step: Step
    status: StepStatus
    started: float | None = None
    finished: float | None = None
    attempts: int = 0
    evidence: Evidence | None = None
    error: dict[str, Any] | None = None
    """As OnwardError.as_data gives it."""

    @property
    def seconds(self) -> float | None:
        """How long it took, once it has ended."""
        if self.started is None or self.finished is None:
            return None
        return self.finished - self.started


@dataclass(frozen=True)
class Waived:
    """Somebody decided that what a check finds shall not stop this run."""

    name: str
    reason: str
    by: str
    """The user of the machine who gave it."""
    at: float


@dataclass(frozen=True)
class RunRecord:
    """A run: its plan and each step's record, in the plan's order."""

    run_id: str
    plan: Plan
    status: RunStatus
    created: float
    finished: float | None
    steps: tuple[StepRecord, ...]
    controller_pid: int | None = None
    waivers: tuple[Waived, ...] = ()
    """Those that hold now: each time they are given, they replace the former ones."""

    def step(self, step_id: str) -> StepRecord:
        """The record of one step. Raises KeyError."""
        for record in self.steps:
            if record.step.id == step_id:
                return record
        raise KeyError(step_id)

    @property
    def failures(self) -> tuple[StepRecord, ...]:
        """The steps that failed."""
        return tuple(record for record in self.steps if record.status == "failed")


@dataclass(frozen=True)
class Event:
    """One line of a run's history. Numbers grow by one within a state directory and are never reused."""

    number: int
    run_id: str
    at: float
    kind: str
    """run.waived, run.started, run.resumed, run.paused, run.cancelled, run.failed, run.done, step.started,
    step.progress, step.retried, step.done, step.failed, step.aborted (it ended itself on a second Ctrl-C, or its
    controller was lost; to be begun anew), controller.left and controller.lost (who led the run; another goes on)"""
    step_id: str | None
    data: dict[str, Any]
