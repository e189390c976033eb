"""What is seen of a run while it goes on."""

import io
import os
import pty
import re
from pathlib import Path

from engine_lives import plan_of, step
from run_records import BEGUN, failure, rehearsal

from onward.engine.action import Evidence, StepContext
from onward.engine.engine import Engine
from onward.engine.record import Event
from onward.hosts.state import Directories
from onward.views.progress import Progress, Running


def event(kind: str, step: str | None = None, after: float = 0.0, **data: object) -> Event:
    return Event(int(after * 10) + 1, "r", BEGUN + after, kind, step, dict(data))


HISTORY = [
    event("run.started"),
    event("step.started", "environment/2024.1", 0.1),
    event("step.progress", "environment/2024.1", 0.2, message="resolving 104 packages"),
    event("step.progress", "environment/2024.1", 7.0, message="installing 104 packages"),
    event("step.done", "environment/2024.1", 31.5, evidence={}),
    event("step.started", "migrate/2026.2", 40.0),
    event("step.failed", "migrate/2026.2", 42.5, error=failure("r")),
    event("run.failed", None, 42.6),
]


def told(stream: io.StringIO) -> list[str]:
    with Progress(stream, rehearsal()) as progress:
        for each in HISTORY:
            progress.show(each)
    return stream.getvalue().splitlines()


def all_of(terminal: int) -> str:
    """What was written to a terminal whose other end is closed."""
    seen = b""
    try:
        while part := os.read(terminal, 65536):
            seen += part
    except OSError:  # how Linux says that the other end is closed
        os.close(terminal)
    return seen.decode()


def test_in_a_pipe_every_line_has_its_time_and_nothing_is_drawn_over() -> None:
    lines = told(io.StringIO())
    assert all(re.match(r"\d\d:\d\d:\d\d  |          ", line) for line in lines)
    assert all(len(line) <= 80 and line.isprintable() for line in lines)
    text = "\n".join(line[10:] for line in lines)
    assert text.startswith("the run begins\nenvironment/2024.1 begins\n")
    assert "environment/2024.1 done in 31.4 s (1 of 30)" in text
    assert "migrate/2026.2 FAILED after 2.5 s: OW601 keystone-manage db_sync of" in text
    assert text.endswith("stopped: a step failed")


def test_a_talkative_step_is_heard_now_and_then() -> None:
    text = "\n".join(told(io.StringIO()))
    assert "resolving" not in text
    assert "environment/2024.1: installing 104 packages" in text


def test_on_a_terminal_running_steps_are_drawn_over_and_no_colour_means_plain_lines(monkeypatch) -> None:
    for plain in (False, True):
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("TERM", "dumb" if plain else "xterm-256color")
        ours, theirs = pty.openpty()
        with open(theirs, "w", encoding="utf-8") as stream, Progress(stream, rehearsal()) as progress:
            progress.show(HISTORY[0])
            progress.show(HISTORY[5])
        seen = all_of(ours)
        assert ("\x1b" in seen) is not plain
        assert ("OUTAGE on the copy" in seen) is not plain
        assert ("migrate/2026.2 begins" in seen) is plain


class Saying:
    """An action that tells what it is at."""

    name = "work"

    def apply(self, context: StepContext) -> Evidence:
        context.progress("counting\nsheep")
        return {}


def test_what_an_action_says_is_what_is_shown_beside_its_step(tmp_path: Path) -> None:
    plan = plan_of(step("a"))
    running, seen = Running(plan), []

    def watch(event: Event) -> None:
        running.take(event)
        seen.append(running.says.get("a"))

    engine = Engine(Directories(tmp_path / "state", tmp_path / "cache"), {"work": Saying()}, watch)
    engine.execute(engine.create(plan))
    assert "counting sheep" in seen
