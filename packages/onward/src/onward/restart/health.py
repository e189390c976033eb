"""What a unit that was restarted lacks to be healthy. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from onward.model.heartbeats import Reporter

STEADY_SECONDS = 8
"""For a process that nobody can ask: one that cannot start has ended before."""


@dataclass(frozen=True)
class ProcessSeen:
    """What is seen of a process."""

    name: str
    state: str
    """RUNNING and so on, as :class:`onward.hosts.supervisor.ProcessState` has it."""
    pid: int
    seconds: int
    serves: bool | None = None
    """Whether it answers where it should; None where it cannot be asked."""
    takers: frozenset[str] | None = None
    """Connections over which it takes calls from the broker; None where it takes none."""


@dataclass(frozen=True)
class UnitSeen:
    """What is seen of a unit."""

    processes: Sequence[ProcessSeen]
    reported: bool = False
    """Whether its service lists what it reports."""
    reporter: Reporter | None = None
    """Its row in that list."""
    unlisted: str = ""
    """Why the list could not be read."""


@dataclass(frozen=True)
class Before:
    """What it was before it was restarted."""

    pids: frozenset[int] = field(default_factory=frozenset)
    takers: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, told: Mapping[str, Sequence[object]]) -> "Before":
        """From what was written down."""
        return cls(
            frozenset(int(str(each)) for each in told.get("pids", ())), frozenset(map(str, told.get("takers", ())))
        )


def lacking(seen: UnitSeen, before: Before) -> str:
    """What it lacks: that its processes run and are others, serve, take calls anew, and have reported since."""
    if not seen.processes:
        return "none of its processes is known"
    found = next((why for each in seen.processes for why in _lacks(each, before)), "")
    return found or (_unreported(seen, min(each.seconds for each in seen.processes)) if seen.reported else "")


def _lacks(process: ProcessSeen, before: Before) -> Iterator[str]:
    if process.state != "RUNNING":
        yield f"{process.name} is {process.state.lower()}"
    if process.pid in before.pids:
        yield f"{process.name} has not ended yet"
    if process.takers is not None and not process.takers - before.takers:
        yield f"{process.name} does not take calls from the broker again yet"
    if process.serves is False:
        yield f"{process.name} does not answer yet"
    if process.serves is None and process.takers is None and process.seconds < STEADY_SECONDS:
        yield f"{process.name} runs for {process.seconds} s"


def _unreported(seen: UnitSeen, seconds: int) -> str:
    """What its service says against it; it runs for so many seconds."""
    if seen.unlisted:
        return f"its service cannot be asked: {seen.unlisted}"
    row = seen.reporter
    if row is None:
        return "its service does not list it"
    if row.forced_down:
        return "somebody has declared it down"
    if row.age_seconds is None or row.age_seconds >= seconds:
        return "it has not reported to its service since"
    return "its service has it as down" if row.age_seconds > row.limit_seconds else ""
