"""The watchdog between Onward and a program that must not outlive it. Started by ``hosts/guard.py``, never imported.

Arguments: the descriptor that is held open by the owner, the descriptor to report on, the signal that asks the
program to stop, the seconds it then has, and the program with its arguments. The owner never writes to the first
descriptor: it ends when the owner closes it or dies, however that happens, and then the program is stopped.
"""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def main() -> int:
    """Start the program, report its process id, and end with it or with the owner."""
    lifeline, report, stop_signal = (int(word) for word in sys.argv[1:4])
    patience = float(sys.argv[4])
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    asked_to_stop = []
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: asked_to_stop.append(True))
    try:
        program = subprocess.Popen(
            sys.argv[5:],
            start_new_session=True,
            preexec_fn=_dying_with(os.getpid()),  # noqa: PLW1509 - there are no threads here
            stdin=subprocess.DEVNULL,
        )
    except OSError as error:
        os.write(report, json.dumps({"errno": error.errno, "message": error.strerror}).encode())
        return 127
    os.write(report, json.dumps({"pid": program.pid}).encode())
    os.close(report)
    try:
        while not (_ended(program) or asked_to_stop):
            readable, _, _ = select.select([lifeline, wake_read], [], [])
            if lifeline in readable:
                break
            os.read(wake_read, 512)
        return _stopped(program, stop_signal, patience, wake_read)
    finally:
        _kill_group(program.pid)


def _dying_with(parent: int) -> Callable[[], None]:
    """What the new process does before it becomes the program: have the kernel kill it should the watchdog die.

    The library is loaded before the fork, as little may be done after it.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # It died in between, and the kernel will not tell any more.
            os._exit(1)

    return prepare


def _ended(program: "subprocess.Popen[bytes]") -> bool:
    """Whether it has ended, without taking its exit status: its process id stays taken until then."""
    return os.waitid(os.P_PID, program.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _stopped(program: "subprocess.Popen[bytes]", stop_signal: int, patience: float, wake_read: int) -> int:
    """Ask the program to stop unless it has ended, then make it; its exit status."""
    if not _ended(program):
        os.kill(program.pid, stop_signal)
        deadline = time.monotonic() + patience
        while not _ended(program) and (left := deadline - time.monotonic()) > 0:
            if select.select([wake_read], [], [], left)[0]:
                os.read(wake_read, 512)
    _kill_group(program.pid)
    return program.wait()


def _kill_group(group: int) -> None:
    """Kill what is left of the program and of the processes it started."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


if __name__ == "__main__":
    status = main()
    # A shell's way to tell a signal, as an exit status cannot be negative.
    sys.exit(128 - status if status < 0 else status)
