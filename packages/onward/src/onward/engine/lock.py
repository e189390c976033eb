"""One run per cloud at a time: a lock that dies with its process, however that ends."""

import fcntl
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onward.errors import RunLocked


@contextmanager
def cloud_lock(state: Path, cloud: str, run_id: str) -> Iterator[None]:
    """Hold the lock of a cloud. Raises RunLocked, which names the holder.

    The kernel gives up an flock when its process ends, so that nothing has to be cleaned after a crash. It is held
    per state directory: all runs of a cloud have to share one.
    """
    directory = state / "locks"
    directory.mkdir(exist_ok=True, mode=0o700)
    path = directory / re.sub(r"[^a-zA-Z0-9._-]", "_", cloud)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(path)
            raise RunLocked(
                f"Another run is at work on {cloud}.",
                evidence=holder,
                state="This run was not started; the other one goes on.",
                next_command="onward runs list",
            ) from None
        words = {"run": run_id, "pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(words).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _holder(path: Path) -> str:
    try:
        words = json.loads(path.read_text())
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(words["since"]))
        return f"run {words['run']}, process {words['pid']} on {words['host']}, since {since}"
    except (OSError, ValueError, KeyError):
        return "its holder has only just begun"
