"""A site's own checks: found by entry point, each in a process of its own that can neither crash nor hang Onward."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from signal import SIGKILL
from typing import Any

from onward.checks.finding import Finding, unclear
from onward.hosts.guard import guarded
from onward.survey.checks.check import CHECK_SECONDS, Check
from onward.survey.checks.context import CheckContext

GROUP = "onward.checks"
_PROGRAM = "onward.survey.checks.plugin_program"
_PATIENCE_SECONDS = 15.0
"""What a plug-in's thread gets on top of the plug-in's own time, to end its process."""
_STOP_SECONDS = 1.0
_LINES = 5
"""Of what a plug-in printed before it died."""


def plugins(timeout_seconds: float = CHECK_SECONDS) -> tuple[Check, ...]:
    """The checks that other installed distributions bring along, by name. None of their code is imported here."""
    found = sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))
    return tuple(
        Check(
            entry.name,
            _look(entry, timeout_seconds),
            needs="nothing",
            timeout_seconds=timeout_seconds + _PATIENCE_SECONDS,
            distribution=_distribution(entry),
        )
        for entry in found
    )


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else "plug-in"


def _look(entry: EntryPoint, timeout_seconds: float) -> Any:
    def look(context: CheckContext) -> Iterator[Finding]:
        with tempfile.TemporaryDirectory(prefix="onward-plugin-") as directory:
            yield from _run(entry, context, Path(directory), timeout_seconds)

    return look


def _run(entry: EntryPoint, context: CheckContext, directory: Path, timeout_seconds: float) -> Iterator[Finding]:
    """Start the process, wait for its answer or its time to run out, and read what it said."""
    request, answer, log = directory / "request.json", directory / "answer.jsonl", directory / "log"
    data = {
        "name": entry.name,
        "value": entry.value,
        "path": sys.path,
        "context": context.as_data(),
        "answer": str(answer),
    }
    request.write_text(json.dumps(data), encoding="utf-8")
    answer.touch(mode=0o600)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    deadline = time.monotonic() + timeout_seconds
    # Killed with all that it started: what only reads has nothing to finish.
    with guarded(
        [sys.executable, "-P", "-m", _PROGRAM, request],
        log,
        stop_signal=SIGKILL,
        stop_timeout=_STOP_SECONDS,
        environment=environment,
        directory=directory,
    ) as process:
        in_time = process.wait(deadline - time.monotonic())
        status = process.exit_status()
    said, ended = _answer(answer)
    yield from said
    if not in_time:
        yield unclear(entry.name, f"the check did not end within {timeout_seconds:g} s and was killed")
    elif not ended:
        printed = "; ".join(process.tail(_LINES).splitlines())
        ended_how = f"its process ended with exit status {status} before it had answered"
        yield unclear(entry.name, f"{ended_how}: {printed}" if printed else ended_how)


def _answer(path: Path) -> tuple[list[Finding], bool]:
    """The findings that the process has written, and whether it came to its end. Half a line counts as not written."""
    found: list[Finding] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            data = json.loads(line)
            if data == "end":
                return found, True
            found.append(Finding(**data))
        except (ValueError, TypeError):
            break
    return found, False
