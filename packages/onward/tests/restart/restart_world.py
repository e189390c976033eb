"""A fleet that is restarted by somebody who may be killed at any instant: what is on the disk, and what is not."""

from collections.abc import Callable
from dataclasses import dataclass, field

from onward.model.restart import Bounds, BrokerLoad, DatabaseLoad, Fleet, Seen
from onward.restart.controller import Begin, Move, decide
from onward.restart.history import Entry, Progress, after, progress_of
from onward.restart.load import Calm

CALM = BrokerLoad(answer_seconds=0.001)
FELT = BrokerLoad(answer_seconds=0.0035)
BUSY = BrokerLoad(answer_seconds=1.0)
ALARM = BrokerLoad(alarms=("memory of rabbit@one",))
UNKNOWN = BrokerLoad(failure="it does not answer")


@dataclass
class World:
    """Everything that outlives the process, and the process's own memory of it (``progress``)."""

    fleet: Fleet
    bounds: Bounds
    now: float = 1000.0
    lines: list[Entry] = field(default_factory=list)
    owed: set[str] = field(default_factory=set)
    generation: dict[str, int] = field(default_factory=dict)
    """Which restart of each unit its processes are of."""
    coming: set[str] = field(default_factory=set)
    """Units that have been told to begin anew and do not serve yet."""
    seen_healthy: set[str] = field(default_factory=set)
    away: set[str] = field(default_factory=set)
    skip: set[str] = field(default_factory=set)
    load: BrokerLoad = CALM
    databases: tuple[DatabaseLoad, ...] = ()
    stopping: bool = False
    progress: Progress = field(init=False)
    begun: list[tuple[Begin, Progress, Seen]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.owed = set(self.fleet.units)
        self.live()

    def live(self) -> None:
        """A new process: it knows what is on the disk, tries those again that stayed away, and tells whom it told."""
        self.progress = progress_of(self.fleet, self.bounds, self.lines)
        if self.progress.calm is None:
            self._write(Entry(kind="calm", at=self.now, calm=Calm(answer_seconds=0.001)))
        else:
            self._write(Entry(kind="again", at=self.now, units=tuple(self.progress.failed)))
        for unit in self.progress.restarting:
            self._tell(unit)

    def look(self) -> Seen:
        looked = (*self.progress.restarting, *self.progress.failed)
        return Seen(
            at=self.now,
            health={unit: self._lacks(unit) for unit in looked},
            away=frozenset(self.away & set(self.progress.waiting)),
            broker=self.load,
            databases=self.databases,
            skip=frozenset(self.skip),
            stopping=self.stopping,
        )

    def go_on(self, dies_after: int | None = None) -> Move:
        """One turn of the loop; the process dies after so many of its effects, and another one takes over."""
        seen = self.look()
        entries, move = decide(self.fleet, self.bounds, self.progress, seen)
        effects = [effect for entry in entries for effect in self._effects(entry)]
        if isinstance(move, Begin):
            told = after_all(self.progress, entries)
            effects.append(lambda: self.begun.append((move, told, seen)))
            effects.append(lambda: self._write(Entry(kind="restarting", at=self.now, units=move.units)))
            effects += [lambda unit=unit: self._tell(unit) for unit in move.units]
        for effect in effects[:dies_after]:
            effect()
        if dies_after is not None and dies_after < len(effects):
            self.live()
        return move

    def _effects(self, entry: Entry) -> list[Callable[[], None]]:
        written = [lambda: self._write(entry)]
        if entry.kind != "healthy":
            return written
        return [*(lambda unit=unit: self._settle(unit) for unit in entry.units), *written]

    def _settle(self, unit: str) -> None:
        assert self._lacks(unit) == ""
        self.seen_healthy.add(unit)
        self.owed.discard(unit)

    def _write(self, entry: Entry) -> None:
        self.lines.append(entry)
        self.progress = after(self.progress, entry)

    def _tell(self, unit: str) -> None:
        """As the keeper of processes does: those of this generation run on."""
        wanted = self.progress.attempts[unit]
        if self.generation.get(unit, 0) != wanted:
            self.generation[unit] = wanted
            self.coming.add(unit)

    def _lacks(self, unit: str) -> str:
        if self.generation.get(unit, 0) != self.progress.attempts.get(unit, 0):
            return "it has not ended yet"
        return "it comes" if unit in self.coming or unit in self.away else ""


def after_all(progress: Progress, entries: tuple[Entry, ...]) -> Progress:
    for entry in entries:
        progress = after(progress, entry)
    return progress
