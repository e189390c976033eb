"""Which service a step is about, and how it finds the other steps of that service's lane."""

from pathlib import Path
from typing import Any

from onward.engine.action import StepContext
from onward.plan.forward import step_of


def service_of(context: StepContext) -> str:
    """The service: that of the plan or, where the plan takes several forward, the one that the step names."""
    return context.plan.service or str(context.step.arguments["service"])


def lane_of(context: StepContext) -> str:
    """The name of the lane; empty in a plan of one service."""
    return "" if context.plan.service else service_of(context)


def lane_path(context: StepContext) -> tuple[str, ...]:
    """The series that the service goes through, the first one included.

    Services of one plan may be at different releases: each step that compares names the path of its own.
    """
    own: Any = context.step.arguments.get("path")
    return tuple(own) if own is not None else context.plan.path


def lane_result(context: StepContext, kind: str, *more: str) -> dict[str, Any]:
    """What a step of the same lane has left. Raises KeyError where it has not finished."""
    return context.results[step_of(lane_of(context), kind, *more)]


def lane_directory(context: StepContext, name: str) -> Path:
    """A directory of the run: ``census``; the lane's own below it where there are several. It need not be there."""
    return context.workspace / name / lane_of(context)
