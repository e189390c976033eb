"""Warm runners in containers: the commands of a release that units run from an image."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from onward.hosts.containers import CARRIED
from onward.hosts.runner import PROGRAM, Runner, running
from onward.model.container import ContainedCommands

STDOUT = "1"
"""No other descriptor leads out of a container by the command lines of both engines."""


@contextmanager
def contained_runner(
    commands: ContainedCommands, modules: Sequence[str], log: Path, logs: Path, variables: Mapping[str, str]
) -> Iterator[Runner]:
    """Start a warm runner in a container of the release's image; ``logs`` is the directory of all logs of its commands.

    It sees the files of the unit whose commands it runs, and nothing else of the machine's. Raises RunnerDied.
    """
    report, report_write = os.pipe()
    argv = [
        *(*commands.launch, "--interactive", "--volume", f"{logs}:{logs}", "--volume", f"{PROGRAM}:{CARRIED}:ro"),
        *(word for name in variables for word in ("--env", name)),
        *("--entrypoint", commands.image.python, commands.image.id, "-u", "-I", CARRIED, STDOUT, *modules),
    ]
    with running(argv, report, report_write, log, variables, Path(commands.image.prefix), by_output=True) as runner:
        yield runner
