"""Shows everything that is deployed and at work while it changes: one picture on a terminal, lines elsewhere."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.text import Text

from onward.engine.record import RunRecord
from onward.model.status import ModelStatus
from onward.views.drawn_over import DrawnOver
from onward.views.model_status import AROUND, WAY_OUT, drawn_model, is_gone, lines_of, tell_changes
from onward.views.page import Page
from onward.views.summary import finished_steps
from onward.views.words import clock

MOST_UNWELL = 4
FEWEST_ROWS = 4
"""For the units of one model, however many models there are."""

RUN, CAUSE, HEALTH = "run of", "cause in", "health of"
"""What is said of beside models and units."""


@dataclass(frozen=True)
class WatchedModel:
    """A model as it was seen."""

    name: str
    region: str
    status: ModelStatus | None
    """None where it cannot be told."""
    untold: str
    """Why it cannot."""
    causes: tuple[str, ...] | None
    """What is wrong, in words; None where nobody has looked yet."""
    unwell: tuple[str, ...] = ()
    """What its APIs tell of what they use that is not well."""


class OverviewWatch(DrawnOver):
    """Shows one look after the other."""

    def __init__(self, stream: TextIO, *, live: bool = True) -> None:
        """``live``: draw over what was drawn, where the stream can be drawn over."""
        super().__init__(Page(stream), live=live)
        self._lines: dict[str, str] = {}

    def show(self, models: Sequence[WatchedModel], runs: Sequence[RunRecord]) -> None:
        """Show how all is now."""
        if self.live:
            rows = self.page.console.size.height - AROUND - len(runs)
            self.draw([*self.drawn(models, runs, rows), Text(WAY_OUT, "dim")])
            return
        self._lines = tell_changes(self.page, _said(models, runs), self._lines, _gone)

    def print_once(self, models: Sequence[WatchedModel], runs: Sequence[RunRecord]) -> None:
        """Show all of it, and nothing more."""
        units = max((len(each.status.units) for each in models if each.status is not None), default=0)
        for line in self.drawn(models, runs, len(models) * (units + FEWEST_ROWS)):
            self.page.console.print(line)

    def drawn(self, models: Sequence[WatchedModel], runs: Sequence[RunRecord], rows: int) -> Iterator[Text]:
        """The lines of the picture: runs, then each model and what is wrong with it."""
        now, page = time.time(), self.page
        for run in runs:
            style = "bold" if run.controller_pid is not None else "yellow"
            yield Text.assemble(
                (page.fitted(f"{run.run_id}  {run.status}, {finished_steps(run)}", page.columns - 1).rstrip(), style)
            )
            for each in run.steps:
                if each.status == "running" and each.started is not None and run.plan.kind != "deployment":
                    yield Text(page.fitted(f"  {each.step.id} since {clock(each.started)}", page.columns - 1), "dim")
                if each.status == "failed":
                    what = f"{each.step.id} FAILED: {(each.error or {}).get('what', '')}"
                    yield from page.wrapped((what, "bold red"), columns=page.columns - 1)
        if not runs:
            yield Text("No run is at work, and none waits for somebody.", "dim")
        if not models:
            yield Text("No model is deployed here: onward deploy BUNDLE")
        for model in models:
            yield Text()
            title = f"{model.name} ({model.region})" if model.region else model.name
            if model.status is None:
                words = f"{title}: could not tell: {model.untold}"
                yield from page.wrapped((words, "bold red"), columns=page.columns - 1)
            else:
                yield from drawn_model(page, title, model.status, now, max(rows // len(models) - 3, FEWEST_ROWS))
            yield from self._causes(model)

    def _causes(self, model: WatchedModel) -> Iterator[Text]:
        for line in model.unwell[:MOST_UNWELL]:
            yield Text(self.page.fitted(f"health: {line}", self.page.columns - 1).rstrip(), "yellow")
        if len(model.unwell) > MOST_UNWELL:
            yield Text(f"health: and {len(model.unwell) - MOST_UNWELL} more: onward health {model.name}", "yellow")
        for cause in model.causes or ():
            yield from self.page.wrapped(("CAUSE  ", "bold red"), (cause, "bold"), columns=self.page.columns - 1)
        if model.causes is None:
            yield Text("cause: still looking", "dim")
        elif not model.causes:
            yield Text("cause: none is named", "dim")


def _said(models: Sequence[WatchedModel], runs: Sequence[RunRecord]) -> dict[str, str]:
    """What there is to say, by what it is said of."""
    lines = {f"{RUN} {run.run_id}": f"{run.run_id} is {run.status}: {finished_steps(run)}" for run in runs}
    for model in models:
        if model.status is None:
            lines[model.name] = f"{model.name}: could not tell: {model.untold}"
        else:
            for name, line in lines_of(model.status).items():
                lines[f"{model.name} {name}".rstrip()] = line and f"{model.name}: {line}"
        if model.causes is not None:
            words = "; ".join(model.causes) or "none is named"
            lines[f"{CAUSE} {model.name}"] = f"{model.name}: cause: {words}"
            # How long ago it was is no news.
            lines |= {
                f"{HEALTH} {model.name} {_timeless(each)}": f"{model.name}: {_timeless(each)}" for each in model.unwell
            }
    return lines or {"": "no model is deployed here, and no run is at work"}


def _gone(name: str) -> str:
    """What is said of what is there no more: a run is never gone, it has ended."""
    if name.startswith(RUN):
        run = name.removeprefix(RUN).strip()
        return f"{run} is at its end: onward runs show {run}"
    if name.startswith(HEALTH):
        return f"{name.removeprefix(HEALTH).strip()}: no more"
    return "" if name.startswith(CAUSE) else is_gone(name)


def _timeless(line: str) -> str:
    return line.rpartition(" (")[0] or line
