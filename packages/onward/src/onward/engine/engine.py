"""Runs any plan durably. It knows nothing of OpenStack."""

import re
import secrets as random_words
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from onward import __version__
from onward.engine.action import Action
from onward.engine.crash import crash_point
from onward.engine.execution import Execution, Halt
from onward.engine.journal import Journal
from onward.engine.lock import cloud_lock
from onward.engine.record import Event, RunRecord
from onward.engine.runs import read_run, refuse_ended
from onward.errors import RunOfAnotherVersion
from onward.hosts.state import Directories
from onward.plan.plan import Plan, in_order

_RUN_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,79}")


class Engine:
    """Executes runs in this process, one at a time."""

    def __init__(
        self,
        directories: Directories,
        actions: Mapping[str, Action],
        watch: Callable[[Event], None] | None = None,
    ) -> None:
        """``watch`` is called with every event of an execution, in order, one at a time, from any thread."""
        self._directories = directories.prepared()
        self._actions = actions
        self._watch = watch
        self.halt = Halt()

    def create(self, plan: Plan, run_id: str | None = None) -> str:
        """Record a new run and return its name. Raises ValueError for a plan that cannot be run at all."""
        in_order(plan.steps)
        if unknown := sorted({step.action for step in plan.steps} - set(self._actions)):
            raise ValueError(f"no such action: {', '.join(unknown)}")
        if closed := sorted(pool for pool, limit in plan.limits.items() if limit < 1):
            raise ValueError(f"no step may ever run in the pool: {', '.join(closed)}")
        name = run_id or f"{plan.kind}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{random_words.token_hex(2)}"
        if not _RUN_ID.fullmatch(name):
            raise ValueError(f"a run cannot be called {name!r}")
        with Journal(self._directories.journal) as journal:
            journal.add_run(name, plan.to_json())
        crash_point("run.created")
        self._directories.workspace(name).mkdir(parents=True, mode=0o700, exist_ok=True)
        return name

    def forget(self, run_id: str) -> None:
        """Remove a run that was created and never begun; any other stays as it is."""
        with Journal(self._directories.journal) as journal:
            journal.remove_unbegun_run(run_id)
        with suppress(OSError):  # What is not empty belongs to a run that has begun.
            self._directories.workspace(run_id).rmdir()

    def stop(self) -> None:
        """Let the running steps finish and begin no others. Safe in a signal handler."""
        self.halt.asked.set()

    def abort(self) -> None:
        """Ask the running steps to end themselves as well. Safe in a signal handler."""
        self.halt.asked.set()
        self.halt.at_once.set()

    @contextmanager
    def signals(self, *, graceful_termination: bool = False) -> Iterator[list[int]]:
        """While inside: Ctrl-C stops, a second one aborts, SIGTERM and SIGHUP abort at once. For the main thread only.

        With ``graceful_termination`` the first signal stops, whichever it is.

        Yields the numbers of the signals that came, in order; the list grows.
        """
        came: list[int] = []

        def on_interrupt(number: int, _frame: object) -> None:
            came.append(number)
            if came.count(number) == 1:
                self.stop()
            else:
                self.abort()

        def on_terminate(number: int, _frame: object) -> None:
            came.append(number)
            if graceful_termination and len(came) == 1:
                self.stop()
            else:
                self.abort()

        before = {
            signal.SIGINT: signal.signal(signal.SIGINT, on_interrupt),
            signal.SIGTERM: signal.signal(signal.SIGTERM, on_terminate),
            # The terminal, or the connection it came over, is gone.
            signal.SIGHUP: signal.signal(signal.SIGHUP, on_terminate),
        }
        try:
            yield came
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def execute(self, run_id: str) -> RunRecord:
        """Run or resume until the run is done, fails, is paused or cancelled, and return how it stands.

        Raises UnknownRun, RunAlreadyEnded, RunOfAnotherVersion, RunLocked. What a step raises does not come out
        here: it is in the step's record.
        """
        # DBOS takes longer to load than most commands take altogether; only this one needs it.
        from onward.engine.dbos_records import Records  # noqa: PLC0415

        record = read_run(self._directories, run_id)
        refuse_ended(record)
        _refuse_other_version(record)
        self._directories.workspace(run_id).mkdir(parents=True, mode=0o700, exist_ok=True)
        try:
            with cloud_lock(self._directories.state, record.plan.cloud, run_id):
                crash_point("run.locked")
                with (
                    Records(self._directories.journal_file, record.plan.onward_version) as records,
                    Journal(self._directories.journal_file) as journal,
                ):
                    Execution(
                        run_id=run_id,
                        plan=record.plan,
                        workspace=self._directories.workspace(run_id),
                        actions=self._actions,
                        records=records,
                        journal=journal,
                        halt=self.halt,
                        watch=self._watch,
                    ).run()
        finally:
            self.halt = Halt()
        return read_run(self._directories, run_id)


def _refuse_other_version(record: RunRecord) -> None:
    planned = record.plan.onward_version
    if planned != __version__:
        raise RunOfAnotherVersion(
            f"{record.run_id} was planned by Onward {planned}; this is {__version__}.",
            state="The run is as it was.",
            next_command=f"install Onward {planned}, then: onward runs resume {record.run_id}",
        )
