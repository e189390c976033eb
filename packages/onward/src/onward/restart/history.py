"""What has been decided and seen in a restart of many units, and how it stands by that. Pure.

A decision is written down before it is carried out. Whatever is killed in between, the same lines give the same state.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Literal

from pydantic import Field

from onward.model.described import Described
from onward.model.restart import Bounds, Fleet
from onward.restart.load import Calm

LAST_UNITS = 100


class Entry(Described):
    """One line."""

    kind: Literal["calm", "restarting", "healthy", "failed", "again", "skipped", "felt", "busy", "settled"]
    at: float = Field(description="Seconds since the epoch")
    units: tuple[str, ...] = ()
    why: str = ""
    calm: Calm | None = None
    before: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="Of units that are about to be restarted, by what it is seen that they were"
    )
    size: int = Field(default=0, description="Of the next batch")
    cautious: bool = Field(default=False, description="Whether batches grow slowly from now on")


@dataclass(frozen=True)
class Progress:
    """How it stands. Each unit is in exactly one of waiting, restarting, healthy, failed and skipped."""

    waiting: tuple[str, ...]
    size: int
    """How many units the next batch may have."""
    restarting: Mapping[str, float] = field(default_factory=dict)
    """Since when, by unit."""
    healthy: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)
    """What each lacked when nobody waited any longer."""
    skipped: frozenset[str] = frozenset()
    canaries: tuple[str, ...] = ()
    busy: str = ""
    """What has been seen of the load in this batch."""
    felt: bool = False
    """Whether the broker has felt this batch, and borne it."""
    cautious: bool = False
    batch: frozenset[str] = frozenset()
    """The last one."""
    batches: int = 0
    open: bool = False
    """Whether the end of the last batch has not been written down."""
    settled: float | None = None
    """When the last batch ended."""
    idle: float | None = None
    """Since when nothing was on its way: from the last batch's end, or from the beginning of this life."""
    slowest: float = 0.0
    """Seconds that the slowest unit took to be healthy."""
    took: tuple[float, ...] = ()
    """The same of the last units, ``LAST_UNITS`` at the most."""
    attempts: Mapping[str, int] = field(default_factory=dict)
    before: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    calm: Calm | None = None


def progress_of(fleet: Fleet, bounds: Bounds, entries: Iterable[Entry]) -> Progress:
    """How it stands after these lines."""
    return reduce(after, entries, Progress(fleet.units, first_size(bounds)))


def first_size(bounds: Bounds) -> int:
    """Of the first batch: the canary, or a tenth of what is allowed."""
    return min(bounds.canary or max(1, bounds.batch // 10), bounds.batch)


def after(progress: Progress, entry: Entry) -> Progress:
    """How it stands after one line more."""
    if entry.kind == "calm":
        return replace(progress, calm=entry.calm, idle=entry.at)
    if entry.kind == "busy":
        return replace(progress, busy=progress.busy or entry.why)
    if entry.kind == "felt":
        return replace(progress, felt=True)
    if entry.kind == "settled":
        return replace(
            progress,
            size=entry.size,
            cautious=entry.cautious,
            settled=entry.at,
            idle=entry.at,
            busy="",
            felt=False,
            open=False,
        )
    moved = _without(progress, frozenset(entry.units))
    return _restarting(moved, entry) if entry.kind == "restarting" else _ended(progress, moved, entry)


def _restarting(moved: Progress, entry: Entry) -> Progress:
    attempts = {unit: moved.attempts.get(unit, 0) + 1 for unit in entry.units}
    return replace(
        moved,
        restarting={**moved.restarting, **dict.fromkeys(entry.units, entry.at)},
        attempts={**moved.attempts, **attempts},
        before={**moved.before, **entry.before},
        canaries=moved.canaries or entry.units,
        batch=frozenset(entry.units),
        batches=moved.batches + 1,
        open=True,
    )


def _ended(progress: Progress, moved: Progress, entry: Entry) -> Progress:
    """Units that are no longer being restarted, or that are to be once more."""
    if entry.kind == "healthy":
        took = [entry.at - progress.restarting[unit] for unit in entry.units if unit in progress.restarting]
        return replace(
            moved,
            healthy=moved.healthy | set(entry.units),
            slowest=max((moved.slowest, *took)),
            took=(*moved.took, *took)[-LAST_UNITS:],
        )
    if entry.kind == "failed":
        return replace(moved, failed={**moved.failed, **dict.fromkeys(entry.units, entry.why)})
    if entry.kind == "again":
        return replace(moved, waiting=(*entry.units, *moved.waiting), settled=None, idle=entry.at)
    return replace(moved, skipped=moved.skipped | set(entry.units))


def _without(progress: Progress, units: frozenset[str]) -> Progress:
    """The same without these units anywhere."""
    return replace(
        progress,
        waiting=tuple(unit for unit in progress.waiting if unit not in units),
        restarting={unit: at for unit, at in progress.restarting.items() if unit not in units},
        failed={unit: why for unit, why in progress.failed.items() if unit not in units},
        healthy=progress.healthy - units,
        skipped=progress.skipped - units,
    )
