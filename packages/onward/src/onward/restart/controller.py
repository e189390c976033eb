"""Decides about the next batch. Pure: how it stands and what is seen now give what is to be done next.

A batch begins only when all units of the last one are healthy or given up, what all share is calm, and the pause is
over. Those do not hold it up that take longer than nine of ten took, if they are few and may all stay away. After the
canary it is a tenth of what is allowed, and then twice as large as the last one while the broker stays calm, as large
where the broker has felt it, and half as large where it has borne it badly; once either has happened, batches grow by
an eighth of themselves: what the broker bears is near.
The first units are a canary: if one of them stays away, it ends, so that whoever asked has to look.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from onward.model.restart import Bounds, Fleet, Seen
from onward.restart.history import Entry, Progress, after
from onward.restart.load import Judgement, judge

NOT_CALM_SECONDS = 600.0
"""So long it is waited for the broker and the database to be calm again."""
KNOWN_UNITS = 5
"""Healthy units after which it is known how long one takes."""
TIMES_SLOWEST = 4.0
LATE_SECONDS = 1.0
"""What nobody is late before."""
LATE_PART = 10
"""Of a batch, one in so many may be late; one may where a batch has fewer."""
FIRST_PART = 10
"""Of what is allowed: the first batch after the canary."""
GROWTH_PART = 8
"""By one in so many grows a batch, and by one at least, when it is about known what the broker bears."""


@dataclass(frozen=True)
class Begin:
    """Restart these units now."""

    units: tuple[str, ...]


@dataclass(frozen=True)
class Wait:
    """Look again soon."""

    why: str


@dataclass(frozen=True)
class Stop:
    """Begin nothing more."""

    kind: str
    """``alarm``, ``failures``, ``canary``, ``quorum``, ``not calm``; ``asked``: for a pause, or for the end."""
    why: str


@dataclass(frozen=True)
class Done:
    """There is nothing left to restart."""


Move = Begin | Wait | Stop | Done


def decide(fleet: Fleet, bounds: Bounds, progress: Progress, seen: Seen) -> tuple[tuple[Entry, ...], Move]:
    """What the look tells, to be written down first; and what is to be done then."""
    shared = _shared(fleet, seen)
    load = judge(shared, progress.calm, bounds.slower) if progress.calm is not None else Judgement()
    entries = []
    for entry in _told(bounds, progress, seen, load):
        entries.append(entry)
        progress = after(progress, entry)
    if progress.open and not on_the_way(bounds, progress, seen.at):
        settled = _settled(bounds, progress, seen.at)
        entries.append(settled)
        progress = after(progress, settled)
    return tuple(entries), _move(fleet, bounds, progress, seen, load)


def _shared(fleet: Fleet, seen: Seen) -> Seen:
    """A look without those servers that cannot be asked and are restarted themselves: they are to be brought back."""
    databases = tuple(each for each in seen.databases if not (each.failure and each.server in fleet.units))
    return replace(seen, databases=databases)


def patience(bounds: Bounds, progress: Progress) -> float:
    """Seconds until a unit counts as one that stays away: fewer when it is known how long the others take."""
    if len(progress.healthy) < KNOWN_UNITS:
        return bounds.patience
    return min(bounds.patience, max(bounds.haste, TIMES_SLOWEST * progress.slowest))


def on_the_way(bounds: Bounds, progress: Progress, at: float) -> frozenset[str]:
    """Units for which another batch waits: all that are being restarted, but for a few late ones that may stay away."""
    late = _late(progress, at)
    few = len(late & progress.batch) <= max(1, len(progress.batch) // LATE_PART) < len(progress.batch)
    borne = few and len(late) + len(progress.failed) <= bounds.failures
    return frozenset(progress.restarting) - (late if borne else frozenset())


def _late(progress: Progress, at: float) -> frozenset[str]:
    """Units that take longer than nine of ten of the last ones took, when it is known how long that is."""
    if len(progress.healthy) < KNOWN_UNITS or not progress.took:
        return frozenset()
    usual = max(LATE_SECONDS, sorted(progress.took)[int(0.9 * len(progress.took))])
    return frozenset(
        unit for unit, since in progress.restarting.items() if at - since > usual and unit not in progress.canaries
    )


def _told(bounds: Bounds, progress: Progress, seen: Seen, load: Judgement) -> Iterator[Entry]:
    skipped = tuple(sorted(seen.skip & {*progress.waiting, *progress.restarting, *progress.failed}))
    if skipped:
        yield Entry(kind="skipped", at=seen.at, units=skipped)
    looked = [unit for unit in (*progress.restarting, *progress.failed) if unit not in seen.skip]
    well = tuple(unit for unit in looked if seen.health.get(unit, "not looked at") == "")
    if well:
        yield Entry(kind="healthy", at=seen.at, units=well)
    longest = patience(bounds, progress)
    for unit, since in progress.restarting.items():
        if unit not in well and unit not in seen.skip and seen.at - since > longest:
            why = seen.health.get(unit) or "it could not be looked at"
            yield Entry(kind="failed", at=seen.at, units=(unit,), why=why)
    if progress.open and not progress.busy and (load.busy or load.alarm):
        yield Entry(kind="busy", at=seen.at, why=load.alarm or load.busy)
    elif progress.open and not progress.felt and load.felt:
        yield Entry(kind="felt", at=seen.at)


def _settled(bounds: Bounds, progress: Progress, at: float) -> Entry:
    """The end of a batch, and how large the next one may be."""
    if progress.busy:
        return Entry(kind="settled", at=at, size=max(1, progress.size // 2), cautious=True, why=progress.busy)
    if progress.felt:
        return Entry(kind="settled", at=at, size=progress.size, cautious=True)
    if progress.cautious:
        grown = progress.size + max(1, progress.size // GROWTH_PART)
    else:
        grown = max(2 * progress.size, bounds.batch // FIRST_PART)
    return Entry(kind="settled", at=at, size=min(bounds.batch, grown), cautious=progress.cautious)


def _move(fleet: Fleet, bounds: Bounds, progress: Progress, seen: Seen, load: Judgement) -> Move:
    waited_for = on_the_way(bounds, progress, seen.at) if progress.waiting else progress.restarting
    if waited_for:
        return Wait(_waited_for(waited_for, seen))
    if not progress.waiting and len(progress.failed) <= bounds.failures:
        return Done()
    stop = _stop(bounds, progress, seen, load)
    return stop or _wait(bounds, progress, seen, load) or _begin(fleet, bounds, progress, seen)


def _stop(bounds: Bounds, progress: Progress, seen: Seen, load: Judgement) -> Stop | None:
    """What ends it, between two batches."""
    lost = [unit for unit in progress.canaries if unit in progress.failed]
    if bounds.canary and lost:
        return Stop("canary", _each(progress, lost))
    if len(progress.failed) > bounds.failures:
        return Stop("failures", _each(progress, list(progress.failed)))
    if seen.stopping:
        return Stop("asked", f"{len(progress.waiting)} units are left")
    if load.alarm:
        return Stop("alarm", load.alarm)
    late = progress.idle is not None and seen.at - progress.idle > NOT_CALM_SECONDS
    return Stop("not calm", load.busy) if load.busy and late else None


def _wait(bounds: Bounds, progress: Progress, seen: Seen, load: Judgement) -> Wait | None:
    """What holds the next batch up."""
    if load.busy:
        return Wait(load.busy)
    if progress.settled is not None and seen.at < progress.settled + bounds.pause:
        return Wait(f"pause of {bounds.pause:g} s after a batch")
    return None


def _begin(fleet: Fleet, bounds: Bounds, progress: Progress, seen: Seen) -> Move:
    """The next batch: of one domain, and no more than may be away with those that are."""
    late = progress.restarting
    domain = fleet.domains.get(progress.waiting[0], "")
    same = [unit for unit in progress.waiting if fleet.domains.get(unit, "") == domain]
    most = min(progress.size, bounds.batch - len(late))
    if late and (most < 1 or any(fleet.domains.get(unit, "") != domain for unit in late)):
        return Wait(_waited_for(late, seen))
    away = {*progress.failed, *late, *seen.away}
    chosen: list[str] = []
    for unit in same:
        if len(chosen) == most:
            break
        # One that is away already is not one more.
        if len({*away, *chosen, unit}) <= fleet.most_away or (unit in away and len(away) <= fleet.most_away):
            chosen.append(unit)
    if not chosen and late:
        return Wait(_waited_for(late, seen))
    if not chosen:
        return Stop("quorum", f"away already: {', '.join(sorted(away))}; {fleet.most_away} may be")
    return Begin(tuple(chosen))


def _waited_for(units: Iterable[str], seen: Seen) -> str:
    unit = min(units)
    return f"{unit}: {seen.health.get(unit) or 'not looked at yet'}"


def _each(progress: Progress, units: list[str]) -> str:
    return "\n".join(f"{unit}: {progress.failed[unit]}" for unit in units)
