"""What runs took, on a terminal and in a pipe."""

from collections.abc import Sequence
from typing import TextIO

from onward.timings.comparison import Compared, Comparison
from onward.timings.path import Link, Share, critical_path, shares
from onward.timings.run import RunTimes
from onward.timings.units import UnitTime, units
from onward.views.page import Page
from onward.views.words import counted, duration

MOST_UNITS = 15
NOTICED_SECONDS = 0.1
"""What was waited for less than this is left out of what people read."""
TIME, NAME = 13, 36


def print_times(times: RunTimes, title: str, stream: TextIO) -> None:
    """Show why a run took as long as it did, where its time went, and what its units took."""
    page = Page(stream)
    chain = critical_path(times.steps)
    paused = f", not counting {duration(times.idle)} in which nothing ran" if times.idle else ""
    page.paragraph((title, "bold"), f": {duration(times.seconds)}{paused}, {counted(len(times.steps), 'step')}.")
    _print_chain(page, chain)
    _print_shares(page, shares(times.steps, chain))
    found = units(times)
    if found:
        _print_units(page, times, found)


def _print_chain(page: Page, chain: Sequence[Link]) -> None:
    page.blank()
    page.paragraph(("Why it took so long", "bold"), ": each step waited for the one above it", hang=2)
    width = max(page.columns - 2 - TIME - 24, 20)
    for link in chain:
        waited = ""
        if link.waited >= NOTICED_SECONDS:
            waited = f"after {duration(link.waited)}" + (", for a place" if link.for_a_place else "")
        elif link.for_a_place:
            waited = "for a place"
        page.line("  ", duration(link.step.seconds).rjust(TIME - 2), "  ", page.fitted(link.step.id, width), waited)
    gaps = sum(link.waited for link in chain)
    within = sum(link.step.seconds for link in chain)
    page.paragraph(
        f"{duration(within)} in these {counted(len(chain), 'step')}, {duration(gaps)} between them."
        + (" For a place: as many steps ran as may at once." if any(link.for_a_place for link in chain) else ""),
        indent=2,
    )


def _print_shares(page: Page, found: Sequence[Share]) -> None:
    page.blank()
    page.paragraph(("Where the time goes", "bold"), ": in the steps above, and in all, which run side by side", hang=2)
    for share in found:
        page.line(
            "  ",
            (duration(share.critical) if share.critical else "-").rjust(TIME - 2),
            duration(share.seconds).rjust(TIME),
            "  ",
            page.fitted(share.action, NAME - 12),
            counted(share.steps, "step"),
            f", longest {duration(share.longest)}" if share.steps > 1 else "",
        )


def _print_units(page: Page, times: RunTimes, found: Sequence[UnitTime]) -> None:
    page.blank()
    page.paragraph(("Units", "bold"), ": what was done for each, and when the last of it was", hang=2)
    for unit in found[:MOST_UNITS]:
        page.line(
            "  ",
            duration(unit.seconds).rjust(TIME - 2),
            "  ",
            page.fitted(unit.unit, NAME - 12),
            " ",
            f"done at {duration(unit.until)}",
        )
    if len(found) > MOST_UNITS:
        page.paragraph(f"And {len(found) - MOST_UNITS:,} more, which took less:", indent=2)
        page.next_command(f"onward timings show {times.run} --by unit", indent=4)


def print_comparison(comparison: Comparison, stream: TextIO) -> None:
    """Show each work, those that have become slower first."""
    page = Page(stream)
    order = {"slower": 0, "faster": 1, "unknown": 2, "same": 2}
    width = page.columns - 2 * TIME - 9 - 18
    page.line("before".rjust(TIME - 2), "now".rjust(TIME - 2), "times".rjust(9), "  work")
    for each in sorted(comparison.compared, key=lambda one: order[one.judged.verdict]):
        judged = each.judged
        style = {"slower": "bold red", "faster": "green"}.get(judged.verdict, "")
        page.line(
            duration(judged.before).rjust(TIME - 2),
            duration(judged.now).rjust(TIME - 2),
            (f"{judged.ratio:.2f}".rjust(9), style),
            "  ",
            page.fitted(_name(each), width),
            "  ",
            (_said(each), style),
        )


def _name(each: Compared) -> str:
    alone = each.steps == 1 or each.judged.name.startswith("the ")
    return each.judged.name if alone else f"{each.judged.name} x{each.steps}"


def _said(each: Compared) -> str:
    judged = each.judged
    if judged.verdict == "unknown":
        return ""
    if judged.verdict == "same":
        return "within noise"
    chance = "<0.001" if (judged.chance or 0) < 0.001 else f"{judged.chance:.3f}"
    return f"{judged.verdict.upper()}, p {chance}"
