"""Shows a model while it changes: drawn over on a terminal, a line for each change elsewhere."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO

from rich.text import Text

from onward.model.status import ModelStatus, UnitStatus
from onward.views.drawn_over import DrawnOver
from onward.views.page import Page
from onward.views.words import clock, counted, duration

STATE_STYLES = {
    "active": "green",
    "starting": "yellow",
    "waiting": "yellow",
    "leaving": "yellow",
    "failed": "bold red",
    "stopped": "bold red",
    "unreachable": "bold red",
}
STATE_COLUMNS = 13
WAY_OUT = "Ctrl-C ends this view, and nothing else."
MOST_LINES = 4
"""For what is said of one unit; `onward status` says all of it."""
AROUND = 8
"""Lines of the screen that are not for units."""


class StatusWatch(DrawnOver):
    """Shows one look after the other at a model."""

    def __init__(self, stream: TextIO, model: str) -> None:
        super().__init__(Page(stream), live=True)
        self._model = model
        self._lines: dict[str, str] = {}
        """What was last said in a log, by unit; "" for the model."""

    def show(self, status: ModelStatus) -> None:
        """Show how it is now."""
        if self.live:
            self.draw(self.drawn(status, time.time(), self.page.console.size.height - AROUND))
            return
        self._lines = tell_changes(self.page, lines_of(status), self._lines)

    def drawn(self, status: ModelStatus, now: float, rows: int) -> Iterator[Text]:
        """The lines of the picture; ``rows`` is how many there are for units and steps."""
        yield from drawn_model(self.page, self._model, status, now, rows)
        yield Text(WAY_OUT, "dim")


def lines_of(status: ModelStatus) -> dict[str, str]:
    """What is said of each unit in a log, and of the model under the name ""."""
    lines = {each.name: f"{each.name} {each.state}{each.message and f': {each.message}'}" for each in status.units}
    return lines | {"": "; ".join(status.said)}


def is_gone(name: str) -> str:
    """What is said of what is there no more."""
    return f"{name} is gone" if name else ""


def tell_changes(
    page: Page, now: Mapping[str, str], before: Mapping[str, str], gone: Callable[[str], str] = is_gone
) -> dict[str, str]:
    """Write the lines that were not said before, and of what is gone that it is; what was said is given back."""
    left = {f"{name} (gone)": gone(name) for name in before if name not in now}
    for name, line in {**now, **left}.items():
        if line and before.get(name) != line:
            page.entry((clock(time.time()), "dim"), line, indent=0, columns=10)
    page.console.file.flush()
    return dict(now)


def drawn_model(page: Page, model: str, status: ModelStatus, now: float, rows: int) -> Iterator[Text]:
    """A model in a picture of so many rows, those units first that are not active."""
    active = sum(each.state == "active" for each in status.units)
    yield Text.assemble(
        (f"{model}: {active} of {counted(len(status.units), 'unit')} active", "bold"), (f"  {clock(now)}", "dim")
    )
    shown, left_out = _most_urgent(status.units, max(rows - len(status.at_work), 3))
    names = min(max((len(each.name) for each in shown), default=0), page.columns // 3)
    for each in shown:
        yield from _unit(page, each, names)
    if left_out:
        yield Text(f"  and {left_out} more", "dim")
    for line in status.said:
        yield Text(page.fitted(line, page.columns - 1).rstrip())
    for step, began in status.at_work[: max(rows // 2, 3)]:
        yield Text(f"  {page.fitted(step, page.columns - 16)} {duration(now - began).rjust(12)}", "dim")


def _unit(page: Page, unit: UnitStatus, names: int) -> Iterator[Text]:
    beside = names + STATE_COLUMNS + 4
    lines = page.wrapped(unit.message or unit.address, columns=page.columns - beside)
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], Text(page.sign("\N{HORIZONTAL ELLIPSIS}", ".."))]
    for number, line in enumerate(lines or [Text()]):
        lead = Text(" " * beside)
        if not number:
            state = (unit.state.ljust(STATE_COLUMNS), STATE_STYLES[unit.state])
            lead = Text.assemble(f"  {page.fitted(unit.name, names)}  ", state)
        yield lead + line


def _most_urgent(units: tuple[UnitStatus, ...], rows: int) -> tuple[list[UnitStatus], int]:
    """The units that there is room for, those first that are not active; and how many were left out."""
    if len(units) <= rows:
        return list(units), 0
    by_urgency = sorted(units, key=lambda each: each.state == "active")
    return by_urgency[:rows], len(units) - rows
