"""The pictures of a run's timeline, as SVG: the whole run in lanes, and a bar for each step of the outage.

They are styled by the report's style sheet through classes, so that they follow light, dark and print.
"""

from dataclasses import dataclass

from markupsafe import Markup

from onward.engine.record import StepRecord
from onward.views.summary import PHASE_TITLES
from onward.views.timeline import Bar, PhaseBars, Timeline
from onward.views.words import duration, harmless

WIDTH = 1000
LANE = 22
BAND = 40
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)
"""Seconds between two lines of an axis."""
LETTER = 6.4
"""Width of a letter in the pictures' text, generously: labels that do not fit are left to the tooltip."""


@dataclass(frozen=True)
class Scale:
    """Seconds of the drawn axis to places in a picture."""

    begin: float
    seconds: float
    left: float
    width: float

    def x(self, at: float) -> float:
        """Where this moment lies."""
        return self.left + (at - self.begin) / (self.seconds or 1.0) * self.width

    def ticks(self) -> list[float]:
        """Round moments, at most nine of them."""
        step = next((step for step in TICKS if step * 8 >= self.seconds), self.seconds)
        return [self.begin + number * step for number in range(int(self.seconds / step) + 1)]


def whole_run(timeline: Timeline) -> Markup:
    """All steps on one axis: a band for each phase, a lane for what ran side by side."""
    phases = [phase for phase in timeline.phases if phase.bars]
    scale = Scale(0.0, timeline.seconds, 0.0, WIDTH)
    parts: list[Markup] = []
    top = 0.0
    for phase in phases:
        height = phase.lanes * LANE + 22
        parts.append(_band(phase, scale, top, height))
        parts.extend(_block(bar, scale, top + 20 + bar.lane * LANE, LANE - 4) for bar in phase.bars)
        top += height + 6
    parts.insert(0, _axis(scale, top))
    return _svg(parts, top + 22, "Timeline of the whole run, a band for each phase")


def waterfall(phase: PhaseBars) -> list[tuple[StepRecord, str, Markup]]:
    """The steps of one phase that were begun: each with its time in words, and its bar on the scale of the phase.

    The bars are pictures of their own, so that they shrink with the page while names and times stay readable.
    """
    scale = Scale(phase.begin, phase.end - phase.begin, 0.0, WIDTH)
    return [
        (
            bar.record,
            _said(bar.record),
            Markup(
                '<svg class="share" aria-hidden="true" viewBox="0 0 {} 10" preserveAspectRatio="none">{}</svg>'
            ).format(WIDTH, _block(bar, scale, 0, 10, label=False)),
        )
        for bar in phase.bars
    ]


def _svg(parts: list[Markup], height: float, title: str) -> Markup:
    return Markup('<svg role="img" aria-label="{}" viewBox="0 0 {} {:.0f}">{}</svg>').format(
        title, WIDTH, height, Markup("\n").join(parts)
    )


def _axis(scale: Scale, height: float) -> Markup:
    lines = []
    for at in scale.ticks():
        place = scale.x(at)
        anchor = "start" if place < 30 else "end" if place > WIDTH - 30 else "middle"
        lines.append(
            Markup(
                '<line class="tick" x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1:.0f}"/>'
                '<text class="faint" x="{0:.1f}" y="{2:.0f}" text-anchor="{3}">{4}</text>'
            ).format(place, height, height + 15, anchor, _tick(at - scale.begin))
        )
    return Markup("").join(lines)


def _tick(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 60 else duration(seconds).removesuffix(" 00 s")


def _band(phase: PhaseBars, scale: Scale, top: float, height: float) -> Markup:
    begin, end = scale.x(phase.begin), scale.x(phase.end)
    title = f"{PHASE_TITLES[phase.phase]} {duration(phase.end - phase.begin)}"
    anchor, place = ("end", min(end, WIDTH)) if begin > WIDTH * 0.7 else ("start", begin)
    return Markup(
        '<rect class="band {}" x="{:.1f}" y="{:.0f}" width="{:.1f}" height="{:.0f}" rx="3"/>'
        '<text class="phase" x="{:.1f}" y="{:.0f}" text-anchor="{}">{}</text>'
    ).format(phase.phase, begin, top, max(end - begin, 2), height, place, top + 14, anchor, title)


def _block(bar: Bar, scale: Scale, top: float, height: float, *, label: bool = True) -> Markup:
    record = bar.record
    begin = scale.x(bar.begin)
    width = max(scale.x(bar.end) - begin, 1.5)
    words = harmless(record.step.id)
    fits = label and len(words) * LETTER + 8 < width
    text = (
        Markup('<text class="inside" x="{:.1f}" y="{:.1f}">{}</text>').format(begin + 5, top + height - 5, words)
        if fits
        else Markup("")
    )
    return Markup(
        "<g><title>{}</title>"
        '<rect class="bar {} {}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"/>{}</g>'
    ).format(
        f"{words}: {_said(record)}", record.step.phase, record.status, begin, top, max(width - 0.6, 1.2), height, text
    )


def _said(record: StepRecord) -> str:
    if record.status == "done":
        return duration(record.seconds)
    word = "FAILED" if record.status == "failed" else record.status
    return f"{word} {duration(record.seconds)}".rstrip()
