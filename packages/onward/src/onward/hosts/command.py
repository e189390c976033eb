"""The one place that runs a program and waits for it."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onward.hosts.fence import FENCE


@dataclass(frozen=True)
class CommandResult:
    """How a program ended. A negative exit status is the signal that killed it."""

    argv: tuple[str, ...]
    exit_status: int
    stdout: str
    stderr: str

    def tail(self, lines: int = 15) -> str:
        """The last lines it printed, standard error preferred: what goes into an error's evidence."""
        text = self.stderr.strip() or self.stdout.strip()
        return "\n".join(text.splitlines()[-lines:])


def run_command(
    argv: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    timeout_seconds: float | None = None,
    stdin: str | None = None,
    keep_open: Sequence[int] = (),
) -> CommandResult:
    """Run a program without a shell and return how it ended, whatever its exit status.

    Secrets go in through ``stdin``, files or ``environment``, never through ``argv``, which every user of the machine
    can read. The program inherits the file descriptors ``keep_open``: a lock held that way lasts as long as the
    program. Raises FileNotFoundError when there is no such program, subprocess.TimeoutExpired after killing it, and
    LeaseLost.
    """
    FENCE.require()
    words = tuple(str(word) for word in argv)
    finished = subprocess.run(
        words,
        env=dict(environment) if environment is not None else None,
        cwd=directory,
        timeout=timeout_seconds,
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        # A session of its own: Ctrl-C on the terminal is for Onward, which lets running steps finish.
        start_new_session=True,
        text=True,
        errors="replace",
        pass_fds=tuple(keep_open),
        check=False,
    )
    return CommandResult(words, finished.returncode, finished.stdout, finished.stderr)
