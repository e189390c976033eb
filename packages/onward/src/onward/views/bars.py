"""The timeline of a run in characters: one line for each step, one scale for each phase."""

from onward.engine.record import RunRecord, StepRecord
from onward.plan.step import Phase
from onward.views.page import Page
from onward.views.summary import PHASE_TITLES, Outage, outage_of, phase_note_of
from onward.views.timeline import Bar, PhaseBars, timeline_of
from onward.views.words import duration

STYLES: dict[Phase, str] = {"prepare": "cyan", "deploy": "blue", "outage": "red", "proof": "green", "cleanup": "dim"}
EIGHTHS = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589"


def print_bars(page: Page, record: RunRecord) -> None:
    """Draw the timeline. Each phase fills the width, so that a short outage can be read beside long builds."""
    timeline = timeline_of(record)
    names = min(max((len(each.step.id) for each in record.steps), default=0), page.columns // 3)
    times = max((len(_time(each, record)) for each in record.steps if each.started is not None), default=0)
    columns = page.columns - names - times - 3
    for phase in timeline.phases:
        page.blank()
        page.paragraph((PHASE_TITLES[phase.phase], "bold"), _heading(phase, record), hang=2)
        for number, bar in enumerate(phase.bars):
            gutter = _bracket(page, number, len(phase.bars)) if phase.phase == "outage" else " "
            failed = bar.record.status == "failed"
            page.line(
                (gutter, "red"),
                page.fitted(bar.record.step.id, names),
                " ",
                (_bar(page, bar, phase, columns), "bold red" if failed else STYLES[phase.phase]),
                " ",
                (_time(bar.record, record).rjust(times), "bold red" if failed else ""),
            )
        if phase.waiting:
            page.paragraph(("not begun: ", "dim"), ", ".join(each.step.id for each in phase.waiting), indent=1, hang=2)
    if timeline.cut:
        page.paragraph(f"Nothing ran for {duration(timeline.cut)}, which is not drawn.")


def _heading(phase: PhaseBars, record: RunRecord) -> str:
    outage = outage_of(record)
    return f": {_extent(phase, outage)} ({phase_note_of(record, phase.phase)})"


def _extent(phase: PhaseBars, outage: Outage | None) -> str:
    if not phase.bars:
        return "not begun"
    if phase.phase == "outage" and outage is not None and outage.idle > 1:
        return f"{duration(outage.seconds)}, of that {duration(outage.idle)} without a running step"
    return duration(phase.end - phase.begin)


def _bracket(page: Page, number: int, rows: int) -> str:
    """The edge that holds the steps of the outage together."""
    if rows == 1:
        return page.sign("[", "[")
    if number == 0:
        return page.sign("\u250c", "/")
    return page.sign("\u2514", "\\") if number == rows - 1 else page.sign("\u2502", "|")


def _bar(page: Page, bar: Bar, phase: PhaseBars, columns: int) -> str:
    """The step's place in its phase; at least a thin mark, however short it was."""
    extent = phase.end - phase.begin
    if extent <= 0 or columns < 1:
        return page.sign("\u258f", "|").ljust(columns)[:columns]
    first = min(int((bar.begin - phase.begin) / extent * columns * 8), columns * 8 - 1)
    last = min(max(round((bar.end - phase.begin) / extent * columns * 8), first + 1), columns * 8)
    if not page.medium.unicode:
        start, end = first // 8, max(-(-last // 8), first // 8 + 1)
        return (" " * start + "#" * (end - start)).ljust(columns)
    # A character's left part can be filled in eighths, its right part cannot: bars begin at a whole column.
    start = first // 8
    eighths = max(last - start * 8, 1)
    return (" " * start + "\u2588" * (eighths // 8) + EIGHTHS[eighths % 8].strip()).ljust(columns)


def _time(record: StepRecord, run: RunRecord) -> str:
    again = f" ({record.attempts} tries)" if record.attempts > 1 else ""
    match record.status:
        case "done":
            return duration(record.seconds) + again
        case "failed":
            return f"FAILED{f' after {duration(record.seconds)}' if record.seconds is not None else ''}"
        case "running":
            return "running" if run.status in ("running", "waiting") else "CUT SHORT"
        case _:
            return "not begun"
