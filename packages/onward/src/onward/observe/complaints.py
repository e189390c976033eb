"""What a service's own log says of those that it uses: the last minute of it, by words that drivers use."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from onward.diagnosis.observation import Sight

LAST_BYTES = 65_536
_TO_THE_MILLISECOND = len("2026-11-26 04:55:11.138")
_AT = re.compile(r"^(\d{4}-\d\d-\d\d)[ T]+(\d{1,2}):(\d\d):(\d\d)")
"""oslo.log and MariaDB, in local time; an hour of MariaDB's has one digit or two."""
_WORDS: tuple[tuple[str, str, Sight], ...] = (
    ("", "No space left on device", "no-space"),
    ("", "Disk is full", "no-space"),
    ("mysql-shared", "Access denied for user", "login-refused"),
    ("mysql-shared", "(1040,", "too-many"),
    ("mysql-shared", "CERTIFICATE_VERIFY_FAILED", "certificate"),
    ("mysql-shared", "timed out)", "timed-out"),
    ("mysql-shared", "Can't connect to MySQL server", "refused"),
    ("keystone", "Identity server rejected authorization necessary", "login-refused"),
    ("rabbitmq", "ACCESS_REFUSED", "login-refused"),
    ("rabbitmq", "AMQP server on", "refused"),
)
"""The interface of the one complained of (empty: the unit's own machine), words, and what they mean; the first fits.
PyMySQL's connections.py and err.py, oslo.messaging's impl_rabbit.py,
keystonemiddleware's _identity.py, MariaDB's errmsg-utf8.txt, Python's _ssl.c."""


@dataclass(frozen=True)
class Complaint:
    """Something that a log says, as often as it says so."""

    interface: str
    saw: Sight
    since: float
    until: float
    """When it said so last."""
    times: int


def complaints(log: Path, after: float) -> Iterator[Complaint]:
    """What the end of a log says since then (seconds since 1970); nothing where it cannot be read."""
    found: dict[tuple[str, Sight], dict[str, float]] = {}
    for line in _last_lines(log):
        at = _moment(line)
        if at is None or at < after:
            continue
        said = next(((interface, saw) for interface, words, saw in _WORDS if words in line), None)
        if said is not None:
            # The lines of one traceback have one time, to the millisecond: they are one error.
            found.setdefault(said, {})[line[:_TO_THE_MILLISECOND]] = at
    for (interface, saw), times in found.items():
        yield Complaint(interface, saw, min(times.values()), max(times.values()), len(times))


def _last_lines(log: Path) -> list[str]:
    try:
        with log.open("rb") as file:
            file.seek(max(log.stat().st_size - LAST_BYTES, 0))
            return file.read().decode(errors="replace").splitlines()
    except OSError:
        return []


def _moment(line: str) -> float | None:
    found = _AT.match(line)
    if found is None:
        return None
    day, hour, minute, second = found.groups()
    try:
        return datetime.fromisoformat(f"{day}T{int(hour):02}:{minute}:{second}").astimezone().timestamp()
    except ValueError:
        return None
