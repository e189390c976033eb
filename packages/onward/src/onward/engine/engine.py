"""Runs any plan durably, on DBOS. It knows nothing of OpenStack.

The invariant: a step's action runs only while no attempt of it has been recorded as done, and only after all it needs has
been. Each attempt is a DBOS workflow called ``RUN/STEP/ATTEMPT``; its record is written by DBOS before the scheduler hears
of it, so that a process killed at any instant leaves each attempt either recorded or not. An attempt without a record is
given up (cancelled) and made anew, which is why every action must be safe to repeat.
"""

import json
import os
import queue
import secrets as random_words
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from onward import __version__
from onward.engine.action import Action, Evidence, Session, StepContext
from onward.engine.crash import crash_point
from onward.engine.dbos_records import Records
from onward.engine.journal import Journal
from onward.engine.lock import cloud_lock
from onward.engine.record import Event, RunRecord
from onward.engine.runs import read_run, this_process
from onward.engine.schedule import Schedule
from onward.engine.secrets import Redactor
from onward.errors import Bug, OnwardError, RunAlreadyEnded, RunOfAnotherVersion
from onward.hosts.state import Directories
from onward.plan.plan import Plan, in_order
from onward.plan.step import Step

OVERALL_LIMIT = 4
"""Steps at once, whatever the plan's pools allow: a controller with two cores does nothing sooner with more."""
POLL_SECONDS = 0.2
"""How often requests of other processes are looked for while steps are running."""


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended, as it is told to the scheduler."""

    step: Step
    evidence: Evidence | None
    error: OnwardError | None


class Engine:
    """Executes runs in this process."""

    def __init__(
        self,
        directories: Directories,
        actions: Mapping[str, Action],
        watch: Callable[[Event], None] | None = None,
    ) -> None:
        self._directories = directories.prepared()
        self._actions = actions
        self._watch = watch
        self._journal = Journal(directories.journal)
        self._stopping = threading.Event()
        self._aborting = threading.Event()

    def create(self, plan: Plan, run_id: str | None = None) -> str:
        """Record a new run and return its name. Raises ValueError for a plan that cannot be run at all."""
        in_order(plan.steps)
        unknown = sorted({step.action for step in plan.steps} - set(self._actions))
        if unknown:
            raise ValueError(f"no such action: {', '.join(unknown)}")
        name = run_id or f"{plan.kind}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{random_words.token_hex(2)}"
        self._directories.workspace(name).mkdir(parents=True, mode=0o700)
        self._journal.add_run(name, plan.to_json())
        return name

    def stop(self) -> None:
        """Let the running steps finish and begin no others. Safe in a signal handler."""
        self._stopping.set()

    def abort(self) -> None:
        """Ask the running steps to end themselves as well."""
        self._stopping.set()
        self._aborting.set()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """While inside: Ctrl-C stops, a second one aborts, SIGTERM aborts at once. For the main thread only."""

        def on_interrupt(_number: int, _frame: object) -> None:
            if self._stopping.is_set():
                self.abort()
            else:
                self.stop()

        before = {
            signal.SIGINT: signal.signal(signal.SIGINT, on_interrupt),
            signal.SIGTERM: signal.signal(signal.SIGTERM, lambda _number, _frame: self.abort()),
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def execute(self, run_id: str) -> RunRecord:
        """Run or resume until the run is done, fails, is paused or cancelled, and return how it stands.

        Raises UnknownRun, RunAlreadyEnded, RunOfAnotherVersion, RunLocked. What a step raises does not come out
        here: it is in the step's record.
        """
        row = self._journal.run(run_id)
        plan = Plan.model_validate_json(row.plan)
        self._refuse(read_run(self._directories, run_id), plan)
        with cloud_lock(self._directories.state, plan.cloud, run_id):
            crash_point("run.locked")
            self._journal.set_controller(run_id, *this_process())
            try:
                with Records(self._directories.journal, plan.onward_version) as records:
                    _Execution(self, records, run_id, plan).run()
            finally:
                self._journal.set_controller(run_id, None, None)
        return read_run(self._directories, run_id)

    @staticmethod
    def _refuse(record: RunRecord, plan: Plan) -> None:
        if record.status in ("done", "cancelled"):
            raise RunAlreadyEnded(
                f"{record.run_id} is {record.status}.", next_command=f"onward runs show {record.run_id}"
            )
        if plan.onward_version != __version__:
            raise RunOfAnotherVersion(
                f"{record.run_id} was planned by Onward {plan.onward_version}; this is {__version__}.",
                state="The run is as it was.",
                next_command=f"install Onward {plan.onward_version}, then: onward runs resume {record.run_id}",
            )


class _Execution:
    """One life of a run: from taking the lock to giving it up."""

    def __init__(self, engine: Engine, records: Records, run_id: str, plan: Plan) -> None:
        self._engine = engine
        self._records = records
        self._run_id = run_id
        self._plan = plan
        self._workspace = engine._directories.workspace(run_id)
        self._schedule = Schedule(plan, OVERALL_LIMIT)
        self._results: dict[str, Evidence] = {}
        self._attempts: dict[str, int] = {}
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._session = Session()
        self._redactor = Redactor()
        self._failed = False
        self._cancel = False

    def run(self) -> None:
        """Hand out steps until there is nothing left to hand out, then say how it ended."""
        resumed = bool(self._journal.events(self._run_id))
        self._tell("run.resumed" if resumed else "run.started", None, {"steps": len(self._plan.steps)})
        self._take_over()
        try:
            with ThreadPoolExecutor(OVERALL_LIMIT, thread_name_prefix="step") as threads:
                self._loop(threads)
        finally:
            self._session.close()
        self._end()

    @property
    def _journal(self) -> Journal:
        return self._engine._journal

    def _tell(self, kind: str, step_id: str | None, data: dict[str, Any]) -> None:
        event = self._journal.tell(self._run_id, kind, step_id, self._redactor.clean(data))
        if self._engine._watch is not None:
            self._engine._watch(event)

    def _take_over(self) -> None:
        """Ask DBOS what earlier lives of this run have done, and tell what they had no time to tell."""
        told = {
            each.step.id for each in read_run(self._engine._directories, self._run_id).steps if each.status == "done"
        }
        for attempt in self._records.attempts(self._run_id):
            self._attempts[attempt.step_id] = max(attempt.number, self._attempts.get(attempt.step_id, 0))
            if attempt.evidence is not None:
                self._results[attempt.step_id] = attempt.evidence
                if attempt.step_id not in told:
                    self._tell("step.done", attempt.step_id, {"evidence": attempt.evidence})
            elif attempt.open:
                self._records.give_up(attempt)
        self._schedule.finished_before(set(self._results))

    def _loop(self, threads: ThreadPoolExecutor) -> None:
        while True:
            self._look_for_requests()
            while not self._failed and not self._engine._stopping.is_set():
                step = self._schedule.begin_next()
                if step is None:
                    break
                crash_point("step.handed-out")
                threads.submit(self._carry_out, step)
            if not self._schedule.running:
                return
            try:
                outcome = self._outcomes.get(timeout=POLL_SECONDS)
            except queue.Empty:
                continue
            self._note(outcome)

    def _look_for_requests(self) -> None:
        wanted = self._journal.run(self._run_id).request
        if wanted is not None:
            self._cancel = self._cancel or wanted == "cancel"
            self._engine.stop()

    def _note(self, outcome: Outcome) -> None:
        step_id = outcome.step.id
        if outcome.evidence is not None:
            self._results[step_id] = outcome.evidence
            self._tell("step.done", step_id, {"evidence": outcome.evidence})
            crash_point("step.told")
            self._schedule.succeeded(step_id)
            return
        error = outcome.error or Bug("a step ended without a word")
        self._tell("step.failed", step_id, {"error": error.as_data()})
        self._schedule.failed(step_id)
        self._failed = True

    def _end(self) -> None:
        if self._schedule.finished:
            self._tell("run.done", None, {})
        elif self._failed:
            self._tell("run.failed", None, {})
        elif self._cancel:
            self._tell("run.cancelled", None, {})
        else:
            self._tell("run.paused", None, {})
        crash_point("run.finished")

    def _carry_out(self, step: Step) -> None:
        """Make attempts at a step until one succeeds or no retry is left. Runs in a thread of its own."""
        try:
            for remaining in range(step.retries, -1, -1):
                number = self._attempts[step.id] = self._attempts.get(step.id, 0) + 1
                self._tell("step.started", step.id, {"attempt": number})
                try:
                    evidence = self._records.attempt(self._run_id, step.id, number, lambda: self._apply(step))
                except OnwardError as error:
                    if remaining == 0 or self._engine._stopping.is_set():
                        self._outcomes.put(Outcome(step, None, error))
                        return
                    self._tell("step.retried", step.id, {"error": error.as_data()})
                    continue
                crash_point("step.recorded")
                self._outcomes.put(Outcome(step, evidence, None))
                return
        except BaseException as error:  # the scheduler must hear of every end, or it would wait for ever
            self._outcomes.put(Outcome(step, None, self._unforeseen(step, error)))

    def _apply(self, step: Step) -> Evidence:
        """The body of an attempt: the action itself."""
        crash_point("step.begun")
        context = StepContext(
            run_id=self._run_id,
            plan=self._plan,
            step=step,
            workspace=self._workspace,
            results=dict(self._results),
            session=self._session,
            progress=lambda text: self._tell("step.progress", step.id, {"text": text}),
            cancelled=self._engine._aborting.is_set,
            secrets=self._redactor,
        )
        try:
            evidence = self._engine._actions[step.action].apply(context)
        except OnwardError:
            raise
        except Exception as error:
            raise self._unforeseen(step, error) from error
        crash_point("step.effect-done")
        cleaned: Evidence = self._redactor.clean(json.loads(json.dumps(evidence)))
        return cleaned

    def _unforeseen(self, step: Step, error: BaseException) -> OnwardError:
        """An error that nobody foresaw; its traceback goes to the run's directory."""
        logs = self._workspace / "logs"
        logs.mkdir(exist_ok=True, mode=0o700)
        path = logs / f"{step.id.replace('/', '-')}.traceback"
        text = "".join(traceback.format_exception(error))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self._redactor.clean(text))
        return Bug(
            f"{step.id} failed in a way that Onward did not foresee: {type(error).__name__}: {error}",
            evidence=f"the traceback is in {path}",
            state="Finished steps are recorded; this one will be tried again.",
            next_command=f"onward runs resume {self._run_id}",
        )
