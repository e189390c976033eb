"""One run per cloud at a time: a lock that dies with its process, however that ends."""

import fcntl
import hashlib
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
    path = _path(state, cloud)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    # Not inheritable (PEP 446): a program that outlives this process does not keep the cloud locked.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder, run = _holder(path)
            raise RunLocked(
                f"Another run is at work on {cloud}.",
                evidence=holder,
                state=f"{run_id} was not touched; the other run goes on.",
                next_command=f"onward runs show {run}" if run else "onward runs list",
            ) from None
        words = {"run": run_id, "pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(words).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def lock_holder(state: Path, cloud: str) -> str:
    """The run whose process has taken the lock of a cloud last; empty when its name is not known."""
    return _holder(_path(state, cloud))[1]


def _path(state: Path, cloud: str) -> Path:
    """The lock's file: readable, and still another one for each name that has the same readable part."""
    readable = re.sub(r"[^a-zA-Z0-9-]", "_", cloud)[:40]
    return state / "locks" / f"{readable}.{hashlib.sha256(cloud.encode()).hexdigest()[:8]}"


def _holder(path: Path) -> tuple[str, str]:
    """Who holds it in words, and the name of its run; the name is empty when the holder has not yet written it."""
    try:
        words = json.loads(path.read_text())
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(words["since"]))
        return f"run {words['run']}, process {words['pid']} on {words['host']}, since {since}", str(words["run"])
    except (OSError, ValueError, KeyError):
        return "its holder has only just begun", ""
