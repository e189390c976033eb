"""What a worker has seen of a component that its service uses. Pure.

A component is named ``KIND:TARGET``: ``sql:10.0.0.5:3306/keystone``, ``messaging:10.0.0.6:5672``,
``cache:10.0.0.7:11211``, ``rpc:conductor``, ``service:identity``. Neither name nor reason ever holds a message of
another program, a statement, or a credential: a reason is a class name and a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

OWN_CALLS = "calls:own"
"""The service's own answers to authenticated callers: a component only to tell how long they take."""


class Outcome(IntEnum):
    """How one use of a component ended."""

    ANSWERED = 0
    """It answered, whatever it said."""
    LOST = 1
    """It was there, and no longer is: a connection broke, an answer did not come."""
    REFUSED = 2
    """A new connection could not be made."""


class Status(IntEnum):
    """What is known of a component, or of a whole service. Ordered: the larger, the worse."""

    PASS = 0
    WARN = 1
    FAIL = 2

    @property
    def word(self) -> str:
        """As ``application/health+json`` spells it."""
        return self.name.lower()


@dataclass(frozen=True)
class Observation:
    """The last that one worker knows of one component."""

    component: str
    status: Status
    at: float
    """Seconds since the epoch at which it was last used."""
    latency: float
    """Seconds that uses take, smoothed over about the last eight."""
    usual: float
    """The same over about the last two hundred."""
    uses: int
    losses: int
    reason: str
    """Why it is not well; empty where it is."""
    worker: int
    """Process identifier."""
    alive: bool
    """Whether that process is still there."""


def next_status(before: Status, outcome: Outcome) -> Status:
    """A worker's status of a component after one more use: the first loss warns, a second or a refusal fails."""
    if outcome is Outcome.ANSWERED:
        return Status.PASS
    if outcome is Outcome.REFUSED or before is not Status.PASS:
        return Status.FAIL
    return Status.WARN
