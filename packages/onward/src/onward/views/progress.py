"""Shows a run while it goes on: drawn over on a terminal, line by line elsewhere."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from threading import Lock
from types import TracebackType
from typing import Self, TextIO

from rich.live import Live
from rich.text import Text

from onward.engine.record import Event
from onward.plan.plan import Plan
from onward.views.page import Page, medium_of
from onward.views.words import clock, counted, duration, one_line

PATIENCE_SECONDS = 5.0
"""In a pipe, a step that has nothing but progress to tell is heard at most this often."""

RUN_WORDS = {
    "run.started": "the run begins",
    "run.resumed": "the run goes on where it stopped",
    "run.paused": "paused",
    "run.cancelled": "cancelled",
    "run.failed": "stopped: a step failed",
    "run.done": "all steps are done",
}


class Running:
    """What is known of a run from its events so far."""

    def __init__(self, plan: Plan | None) -> None:
        self._plan = plan
        self._done: set[str] = set()
        self._told: dict[str, float] = {}
        self.began: dict[str, float] = {}
        """When each running step began, in the order of their beginning."""
        self.says: dict[str, str] = {}
        """The last progress of each running step."""

    def take(self, event: Event) -> str | None:
        """Remember an event; return the line that it is worth in a log, or None."""
        step = event.step_id
        if step is None:
            return RUN_WORDS.get(event.kind)
        line: str | None = None
        match event.kind:
            case "step.started":
                self.began[step] = self._told[step] = event.at
                line = f"{step} begins"
            case "step.progress":
                self.says[step] = one_line(str(event.data.get("message", "")))
                if event.at - self._told.get(step, 0.0) >= PATIENCE_SECONDS:
                    self._told[step] = event.at
                    line = f"{step}: {self.says[step]}"
            case "step.retried":
                line = f"{step} is tried again: {reason_of(event)}"
            case "step.failed":
                took = self._ended(step, event.at)
                line = f"{step} FAILED{took and f' after {took}'}: {reason_of(event)}"
            case "step.done":
                took = self._ended(step, event.at)
                self._done.add(step)
                line = f"{step} done{took and f' in {took}'} ({self.count()})"
        return line

    def count(self) -> str:
        """How far it is: ``12 of 31`` where the plan is known, ``12 steps`` otherwise."""
        if self._plan is None:
            return counted(len(self._done), "step")
        return f"{len(self._done)} of {len(self._plan.steps)}"

    def phase(self) -> str:
        """What the people who use the service would notice of the running steps."""
        if self._plan is None or not self.began:
            return ""
        down = any(self._plan.step(step).phase == "outage" for step in self.began)
        if not down:
            return ""
        return "OUTAGE on the copy" if self._plan.kind == "rehearsal" else "OUTAGE: the service is down"

    def _ended(self, step: str, at: float) -> str:
        self.says.pop(step, None)
        began = self.began.pop(step, None)
        return "" if began is None else duration(at - began)


class Progress(AbstractContextManager["Progress"]):
    """Shows the events of one run on a stream, usually standard error. May be told them by any thread."""

    def __init__(self, stream: TextIO, plan: Plan | None = None) -> None:
        self._page = Page(stream)
        self._medium = medium_of(stream)
        self._running = Running(plan)
        self._lock = Lock()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Begin to draw where the stream can be drawn over."""
        if self._medium.live:
            self._live = Live(
                get_renderable=self._drawn, console=self._page.console, refresh_per_second=5, transient=True
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was drawn; the lines stay."""
        if self._live is not None:
            self._live.stop()

    def show(self, event: Event) -> None:
        """Take one event; the lines it is worth are written at once."""
        with self._lock:
            line = self._running.take(event)
        if self._live is not None and event.kind in ("step.started", "step.progress"):
            self._live.refresh()
            return
        if line is None:
            return
        style = "bold red" if event.kind == "step.failed" else ""
        self._page.entry((clock(event.at), "dim"), (line, style), indent=0, columns=10)

    def _drawn(self) -> Text:
        """The part that is drawn over: one line for the run, one for each running step."""
        with self._lock:
            lines = list(self._lines(time.time()))
        return Text("\n").join(lines)

    def _lines(self, now: float) -> Iterator[Text]:
        page = self._page
        phase = self._running.phase()
        yield Text.assemble((f"{self._running.count()} done", "bold"), (f"  {phase}" if phase else "", "bold red"))
        for step, began in self._running.began.items():
            said = self._running.says.get(step, "")
            text = f"{step}  {said}" if said else step
            yield Text(f"  {page.fitted(text, page.columns - 16)} {duration(now - began).rjust(12)}")


def reason_of(event: Event) -> str:
    """The reason that an event of a failure gives, with its code."""
    error = event.data.get("error", event.data)
    if not isinstance(error, dict):
        return one_line(str(error))
    code, what = error.get("code", ""), error.get("what", "no reason was recorded")
    return one_line(f"{code} {what}")
