"""Gathers what the calls of a worker really used. On the path of a request it takes no lock and makes no call.

What is seen during a request waits until that has ended. It counts where the caller was authenticated; of a call that
came with credentials and could not be authenticated, only what a component failed at counts, since a service whose
database or Keystone is gone authenticates nobody. What nobody's request caused is the service's own and counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass

from onward_service.board import RECORDS, Board
from onward_service.observation import OWN_CALLS, Observation, Outcome, Status, next_status

_SHARE_SECONDS = 0.2
_SMOOTHING = 0.125
_USUAL_SMOOTHING = 0.005
_WITHIN_REQUEST = 64


@dataclass
class _Known:
    """What this worker knows of a component, and which record of its slot holds it."""

    record: int
    status: Status = Status.PASS
    at: float = 0.0
    latency: float = 0.0
    usual: float = 0.0
    uses: int = 0
    losses: int = 0
    reason: str = ""
    shared: float = 0.0


@dataclass
class _Uses:
    """What one request did with a component."""

    outcome: Outcome
    latency: float
    uses: int
    losses: int
    reason: str


Scope = dict[str, _Uses]


class Collector:
    """What one process has seen; there is one of it in a process (``shared``)."""

    def __init__(self, board: Board, clock: Callable[[], float] = time.time) -> None:
        self._board = board
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._claimed = False
        self._tried = 0.0
        self._scope: ContextVar[Scope | None] = ContextVar("onward_health_request", default=None)
        self.changes = 0
        """Raised whenever the status of a component changes in this worker."""
        self.left_out = 0
        """Components that were forgotten, because a slot has no room for more: those that were used longest ago."""
        self._process = os.getpid()

    def observe(self, component: str, outcome: Outcome, latency: float, reason: str = "") -> None:
        """One use of a component. Never raises."""
        scope = self._scope.get()
        losses = 0 if outcome is Outcome.ANSWERED else 1
        if scope is None:
            self._notice_fork()
            self._count(component, _Uses(outcome, latency, 1, losses, reason), self._clock())
            return
        uses = scope.get(component)
        if uses is None:
            if len(scope) < _WITHIN_REQUEST:
                scope[component] = _Uses(outcome, latency, 1, losses, reason)
            return
        # A loss after a loss is a failure, also within one request.
        uses.outcome = Outcome.REFUSED if losses and uses.losses and uses.outcome is not Outcome.ANSWERED else outcome
        uses.latency, uses.reason = latency, reason
        uses.uses += 1
        uses.losses += losses

    def begin(self) -> Token[Scope | None]:
        """A request begins."""
        return self._scope.set({})

    def end(self, token: Token[Scope | None], authenticated: bool, credentials: bool, took: float) -> None:
        """A request has ended; it was authenticated, or came with credentials at least, or with none. Never raises.

        ``took``: seconds from its beginning until the service had an answer.
        """
        scope = self._scope.get()
        self._scope.reset(token)
        if not scope or not (authenticated or credentials):
            return
        self._notice_fork()
        now = self._clock()
        if authenticated:
            self._count(OWN_CALLS, _Uses(Outcome.ANSWERED, took, 1, 0, ""), now)
        for component, uses in scope.items():
            if authenticated or uses.outcome is not Outcome.ANSWERED:
                self._count(component, uses, now)

    def observations(self) -> list[Observation]:
        """What all workers of the unit know; this worker alone where it has no slot."""
        found = self._board.read()
        if self._claimed:
            return found
        return found + [self._observation(name, known) for name, known in self._known.items()]

    def _count(self, component: str, uses: _Uses, now: float) -> None:
        known = self._known.get(component)
        if known is None:
            # Another thread of this worker may do the same: then one of the two components is forgotten early.
            record = len(self._known) if len(self._known) < RECORDS else self._forgotten()
            known = self._known.setdefault(component, _Known(record=record, latency=uses.latency, usual=uses.latency))
        status = next_status(known.status, uses.outcome)
        changed = status is not known.status or not known.at
        known.status, known.at, known.reason = status, now, uses.reason
        known.latency += _SMOOTHING * (uses.latency - known.latency)
        # The first ones make connections, and are slower than what comes later: they weigh less and less.
        known.usual += max(_USUAL_SMOOTHING, 1 / (known.uses + 1)) * (uses.latency - known.usual)
        known.uses += uses.uses
        known.losses += uses.losses
        if changed:
            self.changes += 1
        if changed or abs(now - known.shared) >= _SHARE_SECONDS:
            known.shared = now
            self._share(component, known, now)

    def _forgotten(self) -> int:
        """Forget the component that was used longest ago; the record that was its own."""
        self.left_out += 1
        name, known = min(list(self._known.items()), key=lambda each: each[1].at)
        self._known.pop(name, None)
        return known.record

    def _share(self, component: str, known: _Known, now: float) -> None:
        if not self._claimed:
            if abs(now - self._tried) < _SHARE_SECONDS:
                return
            self._tried = now
            self._claimed = self._board.claim(now)
            for name, each in self._known.items() if self._claimed else ():
                self._board.write(each.record, self._observation(name, each))
            return
        self._board.write(known.record, self._observation(component, known))

    @staticmethod
    def _observation(component: str, known: _Known) -> Observation:
        return Observation(
            component=component,
            status=known.status,
            at=known.at,
            latency=known.latency,
            usual=known.usual,
            uses=known.uses,
            losses=known.losses,
            reason=known.reason,
            worker=os.getpid(),
            alive=True,
        )

    def _notice_fork(self) -> None:
        """In a child the slot is the parent's. Servers that fork in C call none of Python's hooks for it."""
        process = os.getpid()
        if process == self._process:
            return
        self._process = process
        self._board.release()
        self._known = {}
        self._claimed = False
        self._tried = 0.0
