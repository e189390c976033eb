"""What the engine asks of an action, and what it gives it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, TypeVar

from onward.engine.secrets import Redactor
from onward.plan.plan import Plan
from onward.plan.step import Step

Evidence = dict[str, Any]
"""What a step leaves behind: JSON data, without secrets."""

Resource = TypeVar("Resource")


class Session:
    """Live things that several steps of one process share: warm runners, scratch servers.

    None of them is a fact of the run: after a crash they are made again by whichever step uses them first.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._resources: dict[str, Any] = {}
        self._locks: dict[str, Lock] = {}
        self._lock = Lock()

    def use(self, key: str, make: Callable[[], AbstractContextManager[Resource]]) -> Resource:
        """The resource called ``key``, entered once for the whole process and left when the session closes."""
        with self._lock:
            lock = self._locks.setdefault(key, Lock())
        with lock:
            if key not in self._resources:
                entered = make()
                self._resources[key] = entered.__enter__()
                with self._lock:
                    self._stack.push(entered)
        found: Resource = self._resources[key]
        return found

    def known(self, key: str) -> bool:
        """Whether the resource has been made in this process."""
        with self._lock:
            return key in self._resources

    def close(self) -> None:
        """Leave all resources, the newest first."""
        self._stack.close()
        self._resources.clear()


@dataclass(frozen=True)
class StepContext:
    """All that an action may know about the run it is part of."""

    run_id: str
    plan: Plan
    step: Step
    workspace: Path
    """The run's own directory, mode 0700; the only place where an action may leave files."""
    results: Mapping[str, Evidence]
    """Evidence of every finished step, by step id."""
    session: Session
    progress: Callable[[str], None]
    """Tell watchers what is going on: one short line."""
    secrets: Redactor = field(default_factory=Redactor)
    """Values registered here are never recorded."""
    waivers: Mapping[str, str] = field(default_factory=dict)
    """Reasons by the names of the findings that shall not stop this run."""
    cancelled: Callable[[], bool] = field(default=lambda: False)
    """True once the run is being aborted; a long action ends itself then."""
    stopping: Callable[[], bool] = field(default=lambda: False)
    """True once a pause was asked for, or the end; an action that goes on for long may raise StepPaused then."""


class Action(Protocol):
    """One kind of step. Safe to repeat: killed at any instant, ``apply`` may simply be called again."""

    name: str

    def apply(self, context: StepContext) -> Evidence:
        """Do it, look whether it is done, and return the evidence. Raises OnwardError."""
        ...


def by_name(actions: Iterator[Action] | list[Action]) -> dict[str, Action]:
    """Actions by their names. Raises ValueError when two share one."""
    found: dict[str, Action] = {}
    for action in actions:
        if action.name in found:
            raise ValueError(f"two actions are called {action.name}")
        found[action.name] = action
    return found


def anywhere(action: Action) -> bool:
    """Whether any controller may carry it out, beside the one that leads the run.

    An action says so with an attribute ``anywhere`` that is true, when it shares nothing live with other steps.
    """
    return bool(getattr(action, "anywhere", False))
