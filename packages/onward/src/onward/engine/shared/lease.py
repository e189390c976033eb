"""A controller's lease: held by its heartbeat, watched by a guard beside it and by all other controllers.

Nobody's wall clock counts. The holder takes its lease to last from before it sent its last heartbeat; the others from
after they first saw it, each by its own clock. So it has run out for the holder before it has for anyone else.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from onward import __version__
from onward.engine.journal import Journal
from onward.engine.runs import process_identity, process_namespace
from onward.errors import LeaseLost, OnwardError
from onward.hosts import lease_guard_program
from onward.hosts.fence import FENCE, now
from onward.model.store import StoreAddress

LEASE_SECONDS = 5.0
BEATS_OF_A_LEASE = 6
"""So many heartbeats may be late, less one, before the lease is lost."""


class Lease:
    """Registers this process as a controller, and keeps it one until left. One for a process."""

    def __init__(self, address: StoreAddress, site: str, seconds: float, lost: Callable[[OnwardError], None]) -> None:
        """``lost`` is called in a thread when it could not be kept; the guard then kills this process soon."""
        self._address = address
        self._site = site
        self._seconds = seconds
        self._lost = lost
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)
        self.token = 0
        """Tells this life of a controller from all others, in all records."""

    def __enter__(self) -> Self:
        """Raises StoreUnreachable, StoreOfAnotherFormat."""
        sent = now()
        with Journal(self._address) as journal:
            pid = os.getpid()
            process = f"{process_identity(pid)} {process_namespace()}"
            rows = journal.database.execute(
                "INSERT INTO onward_controllers (token, host, pid, process, onward_version, site, began, lease, beat,"
                " beat_at) VALUES (nextval('onward_tokens'), ?, ?, ?, ?, ?, ?, ?, 0, clock_timestamp())"
                " RETURNING token",
                (socket.gethostname(), pid, process, __version__, self._site, time.time(), self._seconds),
            )
        self.token = int(rows[0][0])
        until = sent + self._seconds
        FENCE.hold_until(until)
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(lease_guard_program.__file__)), str(until), str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            # What stops or ends this process from a terminal does not reach it.
            start_new_session=True,
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say that it is no controller any more, so that nobody waits for its lease to run out."""
        self._left.set()
        self._thread.join()
        assert self._guard.stdin  # noqa: S101 - it was made with a pipe
        self._guard.stdin.close()
        self._guard.wait()
        FENCE.hold_until(None)

    def _beat(self) -> None:
        try:
            self._keep()
        except OnwardError as error:
            self._lost(error)
        except BaseException as error:  # without heartbeats there is no controller
            self._lost(LeaseLost("This controller's heartbeat failed.", evidence=f"{type(error).__name__}: {error}"))

    def _keep(self) -> None:
        journal: Journal | None = None
        try:
            while not self._left.wait(self._seconds / BEATS_OF_A_LEASE if journal is not None else 0):
                FENCE.require()
                try:
                    journal = journal or Journal(self._address)
                    self._renew(journal)
                except LeaseLost:
                    raise
                except OnwardError:
                    # The server may be back in time; when it is not, the lease ends by itself.
                    journal = None
                    time.sleep(0.1)
            if journal is not None:
                # What it still has, because of a failure, is taken over when its lease has run out.
                journal.database.execute(
                    "UPDATE onward_controllers AS own SET lost = true WHERE token = ?"
                    " AND NOT EXISTS (SELECT 1 FROM onward_runs WHERE leader = own.token) AND NOT EXISTS"
                    " (SELECT 1 FROM onward_attempts AS open WHERE open.token = own.token AND state = 'open')",
                    (self.token,),
                )
        finally:
            if journal is not None:
                journal.close()

    def _renew(self, journal: Journal) -> None:
        sent = now()
        kept = journal.database.execute(
            "UPDATE onward_controllers SET beat = beat + 1, beat_at = clock_timestamp()"
            " WHERE token = ? AND NOT lost RETURNING beat",
            (self.token,),
        )
        if not kept:
            raise LeaseLost("Other controllers have taken over what this one was doing.")
        until = sent + self._seconds
        FENCE.hold_until(until)
        assert self._guard.stdin  # noqa: S101
        os.write(self._guard.stdin.fileno(), f"{until}\n".encode())
