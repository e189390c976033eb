"""What was seen in the table where a service's processes say that they live, for ``checks`` to judge."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reporter:
    """One process that reports, as its row has it."""

    kind: str
    """What it is: nova-compute."""
    host: str
    identifier: str
    """What the command that removes the row wants to have."""
    age_seconds: float | None
    """Since it was last seen, by the database's own clock; negative where its clock is ahead. None: it never was."""
    limit_seconds: float
    """Who was not seen for longer counts as down."""
    disabled: bool = False
    reason: str = ""
    """Why somebody disabled it, where that was said."""
    forced_down: bool = False
    """Somebody declared it down."""
    versions: tuple[str, ...] = ()
    """What it says of its own version, in the order of the catalogue."""
    zone: str = ""
    """The availability zone that it is in, where the API says so."""


@dataclass(frozen=True)
class Reporters:
    """All rows of one database, or why they could not be read."""

    place: str
    """Which of the service's databases: ``cell1``; empty where it has one."""
    rows: tuple[Reporter, ...] = ()
    failure: str = ""
    way_out: str = ""
