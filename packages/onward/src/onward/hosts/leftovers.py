"""What outlived those who started it: a unit's containers, and processes such as a transfer whose server was killed."""

import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from onward.hosts.containers import end_containers_of

GRACE_SECONDS = 10.0


def processes_of(directory: Path) -> list[int]:
    """Processes of this user whose arguments name something below the directory; for root, those of all users."""
    wanted, found = os.fsencode(directory) + b"/", []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            if os.geteuid() in (0, entry.stat().st_uid) and wanted in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return sorted(found)


def end_leftovers_of(directory: Path, spared: Collection[int] = ()) -> list[int]:
    """End what still runs of a unit that was stopped: containers, then processes, by SIGTERM and SIGKILL; their ids.

    Containers first: their engine sees to the processes in them. Those in ``spared`` wait for their turn, and stay.
    """
    end_containers_of(directory)
    found = left = [pid for pid in processes_of(directory) if pid not in spared]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = time.monotonic() + GRACE_SECONDS
        while left and time.monotonic() < deadline:
            time.sleep(0.05)
            left = [pid for pid in processes_of(directory) if pid in found]
    return found
