"""One life of a run: from taking it over to the last word about it.

The invariant: a step's action runs only while no attempt of it has been recorded as done, and only after all it needs
has been. Each attempt is a DBOS workflow called ``RUN/STEP/ATTEMPT``; its record is written by DBOS before the
scheduler hears of it, so that a process killed at any instant leaves each attempt either recorded or not. An attempt
without a record is given up (cancelled) and made anew, which is why every action must be safe to repeat.
"""

import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onward.engine.action import Action, Evidence
from onward.engine.body import Body
from onward.engine.crash import crash_point
from onward.engine.journal import Journal
from onward.engine.record import Event, RunRecord
from onward.engine.runs import record_of, refuse_ended, this_process
from onward.engine.schedule import Schedule
from onward.errors import OnwardError, StepPaused
from onward.plan.plan import Plan
from onward.plan.step import WAIT_POOL, Step

if TYPE_CHECKING:
    from onward.engine.dbos_records import Records

OVERALL_LIMIT = 4
"""Steps at work at once, whatever the plan's pools allow: a controller with two cores does nothing sooner with more."""
POLL_SECONDS = 0.2
"""How often requests of other processes and signals are looked for while steps are running."""


@dataclass(frozen=True)
class Halt:
    """Whether this process has been told to stop: after the running steps, or at once."""

    asked: threading.Event = field(default_factory=threading.Event)
    at_once: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class _Outcome:
    """How a step ended in this life, as it is told to the scheduler."""

    step: Step
    evidence: Evidence | None = None
    error: OnwardError | None = None
    aborted: bool = False


class Execution:
    """One life of a run. Needs the cloud's lock to be held, and DBOS to be launched."""

    def __init__(
        self,
        *,
        run_id: str,
        plan: Plan,
        workspace: Path,
        actions: Mapping[str, Action],
        records: "Records",
        journal: Journal,
        halt: Halt,
        watch: Callable[[Event], None] | None,
    ) -> None:
        self._run_id = run_id
        self._plan = plan
        self._body = Body(
            run_id=run_id,
            plan=plan,
            workspace=workspace,
            actions=actions,
            progress=lambda step_id, text: self._tell("step.progress", step_id, {"message": text}),
            cancelled=halt.at_once.is_set,
            stopping=halt.asked.is_set,
        )
        self._records = records
        self._journal = journal
        self._halt = halt
        self._watch = watch
        self._telling = threading.Lock()
        self._schedule = Schedule(plan, OVERALL_LIMIT)
        self._attempts: dict[str, int] = {}
        self._outcomes: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        self._failed = False

    def run(self) -> None:
        """Hand out steps until there is nothing left to hand out, then say how it ended.

        Raises RunAlreadyEnded when another process ended the run in the meantime.
        """
        record = self._begin()
        self._body.waivers = {waived.name: waived.reason for waived in record.waivers}
        self._take_over(record)
        crash_point("run.taken-over")
        closing: dict[str, Any] = {}
        try:
            places = OVERALL_LIMIT + self._plan.limits.get(WAIT_POOL, 0)
            # Leaving the pool waits for the steps that still run, whatever made the loop end.
            with ThreadPoolExecutor(places, thread_name_prefix="step") as threads:
                self._loop(threads)
        finally:
            closing = self._body.close()
        crash_point("run.closed")
        self._end(closing)
        crash_point("run.finished")

    def _begin(self) -> RunRecord:
        """Announce this process as the one at work, and return what earlier lives have told."""
        with self._journal.transaction():
            record = record_of(self._journal, self._run_id)
            refuse_ended(record)
            self._journal.set_controller(self._run_id, *this_process())
            kind = "run.started" if record.status == "waiting" else "run.resumed"
            event = self._journal.tell(self._run_id, kind, None, {"steps": len(self._plan.steps)})
        self._show(event)
        return record

    def _take_over(self, before: RunRecord) -> None:
        """Ask DBOS what earlier lives of this run have done, and tell what they had no time to tell."""
        for attempt in self._records.attempts(self._run_id):
            self._attempts[attempt.step_id] = max(attempt.number, self._attempts.get(attempt.step_id, 0))
            if attempt.open:
                self._records.give_up(attempt)
                crash_point("attempt.given-up")
            elif attempt.evidence is not None:
                self._body.results[attempt.step_id] = attempt.evidence
                if before.step(attempt.step_id).status != "done":
                    self._tell("step.done", attempt.step_id, {"evidence": attempt.evidence}, at=attempt.finished)
                    crash_point("step.told-late")
        self._schedule.finished_before(set(self._body.results))

    def _loop(self, threads: ThreadPoolExecutor) -> None:
        while True:
            if self._journal.asked(self._run_id) is not None:
                self._halt.asked.set()
            while not self._failed and not self._halt.asked.is_set():
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

    def _note(self, outcome: _Outcome) -> None:
        step_id = outcome.step.id
        if outcome.error is None:
            evidence = outcome.evidence or {}
            self._body.results[step_id] = evidence
            self._tell("step.done", step_id, {"evidence": evidence})
            crash_point("step.told")
            self._schedule.succeeded(step_id)
            return
        self._tell("step.aborted" if outcome.aborted else "step.failed", step_id, {"error": outcome.error.as_data()})
        crash_point("step.told")
        self._schedule.failed(step_id)
        self._failed = self._failed or not outcome.aborted

    def _end(self, closing: dict[str, Any]) -> None:
        """Say how it ended and that no process is at work any more; requests are looked at for the last time."""
        with self._journal.transaction():
            if self._schedule.finished:
                kind = "run.done"
            elif self._journal.asked(self._run_id) == "cancel":
                kind = "run.cancelled"
            else:
                kind = "run.failed" if self._failed else "run.paused"
            event = self._journal.tell(self._run_id, kind, None, self._body.redactor.clean(closing))
            self._journal.set_controller(self._run_id, None, None)
        self._show(event)

    # --- In the threads of steps

    def _carry_out(self, step: Step) -> None:
        # The scheduler must hear of every end, or it would wait for ever.
        try:
            outcome = self._outcome(step)
        except BaseException as error:
            outcome = _Outcome(step, error=self._body.unforeseen(step, error))
        self._outcomes.put(outcome)

    def _outcome(self, step: Step) -> _Outcome:
        """Make attempts at a step until one succeeds or no retry is left."""
        left = step.retries
        while True:
            number = self._attempts[step.id] = self._attempts.get(step.id, 0) + 1
            self._tell("step.started", step.id, {"attempt": number})
            crash_point("step.announced")
            try:
                evidence = self._records.attempt(self._run_id, step.id, number, lambda: self._body.apply(step))
            except OnwardError as error:
                crash_point("step.recorded")
                if self._halt.at_once.is_set() or isinstance(error, StepPaused):
                    return _Outcome(step, error=error, aborted=True)
                if left == 0:
                    return _Outcome(step, error=error)
                left -= 1
                self._tell("step.retried", step.id, {"error": error.as_data(), "left": left})
            else:
                crash_point("step.recorded")
                return _Outcome(step, evidence=evidence)

    # --- Events

    def _tell(self, kind: str, step_id: str | None, data: dict[str, Any], at: float | None = None) -> None:
        with self._telling:  # so that the watcher hears of events in the order of their numbers
            self._show(self._journal.tell(self._run_id, kind, step_id, self._body.redactor.clean(data), at))

    def _show(self, event: Event) -> None:
        """Show an event to the watcher. One that fails is not asked again: no view may stop an upgrade."""
        if self._watch is None:
            return
        try:
            self._watch(event)
        except Exception as error:
            self._watch = None
            self._body.write_traceback("watch", error)
