"""Programs that end when Onward ends, even when Onward is killed with SIGKILL."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_PROGRAM = Path(__file__).with_name("guard_program.py")
_GRACE_SECONDS = 10.0
"""What the watchdog gets on top of the program's own time to stop."""


@dataclass(frozen=True)
class GuardedProcess:
    """A running program that is stopped when its context ends or its owner dies."""

    pid: int
    """Of the program itself."""
    log: Path
    _watchdog: "subprocess.Popen[bytes]"

    def alive(self) -> bool:
        """Whether it is still running."""
        return self._watchdog.poll() is None

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it came within so many seconds."""
        try:
            self._watchdog.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            return False
        return True

    def exit_status(self) -> int | None:
        """How it ended: its exit status, or 128 and the number of the signal; None while it runs."""
        return self._watchdog.poll()

    def tail(self, lines: int = 15) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@contextmanager
def guarded(
    argv: Sequence[str | Path],
    log: Path,
    *,
    stop_signal: signal.Signals = signal.SIGTERM,
    stop_timeout: float = 30.0,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Iterator[GuardedProcess]:
    """Run a program in the background; what it prints is appended to ``log``, which only its owner may read.

    It gets a session of its own, so that Ctrl-C on the terminal does not reach it. On the way out it is sent
    ``stop_signal`` and, ``stop_timeout`` seconds later, SIGKILL together with all that it has started. The same
    happens when this process dies; should the watchdog itself be killed, the program is killed at once.
    Raises OSError (FileNotFoundError and others) when the program cannot be started.
    """
    # Neither end is inherited by other programs that this process starts meanwhile (PEP 446), so that nobody else
    # can keep the lifeline open.
    lifeline_read, lifeline = os.pipe()
    report, report_write = os.pipe()
    words = [lifeline_read, report_write, int(stop_signal), stop_timeout, *argv]
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    watchdog = None
    try:
        try:
            watchdog = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_PROGRAM), *(str(word) for word in words)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(environment) if environment is not None else None,
                cwd=directory,
                pass_fds=(lifeline_read, report_write),
                start_new_session=True,
            )
        finally:
            for descriptor in (lifeline_read, report_write, output):
                os.close(descriptor)
        yield GuardedProcess(_reported_pid(report, str(argv[0])), log, watchdog)
    finally:
        os.close(report)
        os.close(lifeline)
        if watchdog is not None:
            _wait(watchdog, stop_timeout + _GRACE_SECONDS)


def _reported_pid(report: int, program: str) -> int:
    """The program's process id as the watchdog reports it. Raises OSError when it could not be started."""
    with os.fdopen(os.dup(report), "rb") as file:
        text = file.read()
    if not text:
        raise OSError(f"the watchdog of {program} died before it could start it")
    answer = json.loads(text)
    if "pid" not in answer:
        raise OSError(answer["errno"], answer["message"], program)
    return int(answer["pid"])


def _wait(watchdog: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Wait for the watchdog, which ends after the program; its death kills the program."""
    try:
        watchdog.wait(seconds)
    except subprocess.TimeoutExpired:
        watchdog.kill()
        watchdog.wait()
