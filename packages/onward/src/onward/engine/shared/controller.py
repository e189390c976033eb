"""A controller: one of several processes that carry out the runs of a store."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress

from onward.engine.action import Action
from onward.engine.execution import Halt
from onward.engine.journal import Journal
from onward.engine.lock import cloud_lock, lock_holder
from onward.engine.record import Event, RunRecord
from onward.engine.runs import record_of
from onward.engine.shared.lease import BEATS_OF_A_LEASE, LEASE_SECONDS, Lease
from onward.engine.shared.ledger import Ledger, Watch, fence_file
from onward.engine.shared.part import POLL_SECONDS, Part
from onward.errors import FAILED, OnwardError, RunLocked
from onward.hosts.fence import FENCE
from onward.hosts.state import Directories
from onward.model.store import StoreAddress


class SharedController:
    """Leads runs that wait, helps with those that others lead, and takes over from those that are lost."""

    def __init__(
        self,
        directories: Directories,
        address: StoreAddress,
        actions: Mapping[str, Action],
        *,
        halt: Halt,
        lease_seconds: float = LEASE_SECONDS,
        watch: Callable[[Event], None] | None = None,
        ended: Callable[[RunRecord], None] = lambda record: None,
    ) -> None:
        """``watch`` is called with every event this controller tells; ``ended`` when a run it has led has ended."""
        self._directories = directories.prepared()
        self._address = address
        self._actions = actions
        self._halt = halt
        self._lease_seconds = lease_seconds
        self._watch = watch
        self._ended = ended
        self._part: Part | None = None

    def run(self) -> None:
        """Work until told to halt. Raises StoreUnreachable, StoreOfAnotherFormat, LeaseLost.

        A lease that is lost while steps are at work ends the process at once, as they cannot be called back.
        """
        site = self._directories.site()
        with (
            Lease(self._address, site, self._lease_seconds, end_at_once) as lease,
            Journal(self._address) as journal,
            Journal(self._address) as for_watch,
        ):
            ledger = Ledger(journal, lease.token, site)
            watching = threading.Thread(
                target=self._watch_others, args=(Ledger(for_watch, lease.token, site),), daemon=True, name="watch"
            )
            watching.start()
            try:
                while not self._halt.asked.is_set():
                    if not (self._lead_one(ledger) or self._help_one(ledger)):
                        self._halt.asked.wait(POLL_SECONDS)
            except OnwardError as error:
                end_at_once(error)
            finally:
                self._halt.asked.set()
                watching.join()

    def _lead_one(self, ledger: Ledger) -> bool:
        for run_id, cloud in ledger.waiting().items():
            with suppress(RunLocked), self._locked(cloud, run_id):
                term = ledger.lead(run_id)
                if term is None:
                    continue
                FENCE.lead(fence_file(self._directories.state, cloud), term)
                try:
                    self._part_in(ledger, run_id).lead()
                finally:
                    FENCE.leave()
                self._part = None
                self._ended(record_of(ledger.journal, run_id))
                return True
        return False

    @contextmanager
    def _locked(self, cloud: str, run_id: str) -> Iterator[None]:
        """Hold the lock that keeps runs which are not of the store away from the cloud. Raises RunLocked.

        Who led this very run before, and stands still, may hold it yet; then the fence has to do.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(cloud_lock(self._directories.state, cloud, run_id))
            except RunLocked:
                if lock_holder(self._directories.state, cloud) != run_id:
                    raise
            yield

    def _help_one(self, ledger: Ledger) -> bool:
        for run_id in ledger.led_elsewhere():
            self._part_in(ledger, run_id).help(lambda: bool(ledger.waiting()))
            return True
        return False

    def _part_in(self, ledger: Ledger, run_id: str) -> Part:
        """What it has to do with a run; what it had already, where the run was not resumed since."""
        since = ledger.standing(run_id).since
        if self._part is None or (self._part.run_id, self._part.since) != (run_id, since):
            workspace = self._directories.workspace(run_id)
            workspace.mkdir(parents=True, mode=0o700, exist_ok=True)
            self._part = Part(
                ledger=ledger,
                record=record_of(ledger.journal, run_id),
                since=since,
                workspace=workspace,
                actions=self._actions,
                halt=self._halt,
                watch=self._watch,
            )
        return self._part

    def _watch_others(self, ledger: Ledger) -> None:
        watch = Watch()
        try:
            while not self._halt.asked.wait(self._lease_seconds / BEATS_OF_A_LEASE):
                for lost in watch.lost(ledger.controllers()):
                    ledger.take_from(lost)
        except OnwardError as error:
            end_at_once(error)


def end_at_once(error: OnwardError) -> None:
    """End this process without another effect: what it was doing is done by others, as after a crash."""
    print(f"{error.code}: {error.what} {error.evidence}".rstrip(), file=sys.stderr, flush=True)
    os._exit(FAILED)
