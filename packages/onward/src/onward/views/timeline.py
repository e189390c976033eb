"""Where each step lies in time: the layout that the terminal's bars and the report's picture are drawn from."""

from dataclasses import dataclass

from onward.engine.record import RunRecord, StepRecord
from onward.plan.step import Phase
from onward.views.summary import PHASES, busy_intervals, last_moment

LONGEST_GAP = 2.0
"""Seconds without any running step that are still drawn; what is longer was a pause or a crash, and is cut out."""


@dataclass(frozen=True)
class Bar:
    """A step that was begun. ``begin`` and ``end`` are seconds on the drawn axis."""

    record: StepRecord
    begin: float
    end: float
    lane: int
    """Steps that ran at the same time lie in different lanes of their phase, counted from 0."""


@dataclass(frozen=True)
class PhaseBars:
    """A phase: its bars, its steps that were not begun, and its extent on the drawn axis."""

    phase: Phase
    bars: tuple[Bar, ...]
    waiting: tuple[StepRecord, ...]
    begin: float
    end: float

    @property
    def lanes(self) -> int:
        """How many lanes its bars need."""
        return max((bar.lane for bar in self.bars), default=-1) + 1


@dataclass(frozen=True)
class Timeline:
    """All phases that have steps, on one axis that begins at 0.

    ``cut`` are the seconds that were cut out of the axis because nothing ran.
    """

    phases: tuple[PhaseBars, ...]
    seconds: float
    cut: float

    def phase(self, phase: Phase) -> PhaseBars | None:
        """One phase, where the plan has it."""
        return next((each for each in self.phases if each.phase == phase), None)


def timeline_of(record: RunRecord) -> Timeline:
    """Lay out a run. A step that is still running ends at the latest time the record knows of."""
    until = last_moment(record)
    axis = _Axis(busy_intervals(record.steps, until))
    phases = []
    for phase in PHASES:
        steps = [each for each in record.steps if each.step.phase == phase]
        if not steps:
            continue
        bars = _in_lanes([_bar(each, axis, until) for each in steps if each.started is not None])
        phases.append(
            PhaseBars(
                phase=phase,
                bars=bars,
                waiting=tuple(each for each in steps if each.started is None),
                begin=min((bar.begin for bar in bars), default=0.0),
                end=max((bar.end for bar in bars), default=0.0),
            )
        )
    return Timeline(tuple(phases), axis.length, axis.cut)


class _Axis:
    """Turns times of the clock into seconds from the beginning, long gaps left out."""

    def __init__(self, intervals: list[tuple[float, float]]) -> None:
        self._pieces: list[tuple[float, float, float]] = []
        self.length = 0.0
        self.cut = 0.0
        for begin, end in intervals:
            if self._pieces:
                gap = begin - self._pieces[-1][1]
                if gap > LONGEST_GAP:
                    self.cut += gap
                else:
                    self.length += gap
            self._pieces.append((begin, end, self.length))
            self.length += end - begin

    def place(self, at: float) -> float:
        for begin, end, offset in reversed(self._pieces):
            if at >= begin:
                return offset + min(at, end) - begin
        return 0.0


def _bar(record: StepRecord, axis: _Axis, until: float) -> Bar:
    begin = axis.place(record.started or 0.0)
    end = axis.place(record.finished if record.finished is not None else until)
    return Bar(record, begin, max(begin, end), lane=0)


def _in_lanes(bars: list[Bar]) -> tuple[Bar, ...]:
    """The bars in the order of their beginning, each in the first lane that is free."""
    free_from: list[float] = []
    placed = []
    for bar in sorted(bars, key=lambda each: each.begin):
        lane = next((number for number, free in enumerate(free_from) if free <= bar.begin), len(free_from))
        if lane == len(free_from):
            free_from.append(bar.end)
        else:
            free_from[lane] = bar.end
        placed.append(Bar(bar.record, bar.begin, bar.end, lane))
    return tuple(placed)
