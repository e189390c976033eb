"""What was counted of data that a release moves while it runs, for ``checks`` to judge."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Left:
    """The rows that one function would move in one database."""

    function: str
    what: str
    place: str
    """Which of the service's databases: ``cell1``; empty where it has one."""
    rows: int = 0
    failure: str = ""
    """Why they could not be counted; empty where they were."""
    may_stay: str = ""
    """Why some may be left for good."""
