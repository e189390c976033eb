"""A controller's part in one run: the steps that it takes, and, when it leads, the run's beginning and end.

All controllers decide alike, because each keeps the same pure schedule and brings it up to date in the transaction in
which it takes steps. What is done is asked of the attempts, never of events.
"""

import queue
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from onward.engine.action import Action, Evidence, anywhere
from onward.engine.body import Body
from onward.engine.crash import crash_point
from onward.engine.execution import OVERALL_LIMIT, Halt
from onward.engine.record import Event, RunRecord
from onward.engine.schedule import Schedule
from onward.engine.shared.ledger import Change, Ledger, Standing
from onward.errors import LeaseLost, OnwardError, StepPaused
from onward.hosts.fence import FENCE
from onward.plan.step import Step

POLL_SECONDS = 0.05
"""How often it is looked whether others have changed something."""


@dataclass(frozen=True)
class _Attempt:
    step: Step
    number: int
    left: int
    """How often it may still be tried again."""


@dataclass(frozen=True)
class _Outcome:
    attempt: _Attempt
    evidence: Evidence | None = None
    error: OnwardError | None = None


class Part:
    """What one controller does of a run, for as long as that is not resumed anew."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        record: RunRecord,
        since: int,
        workspace: Path,
        actions: Mapping[str, Action],
        halt: Halt,
        watch: Callable[[Event], None] | None,
    ) -> None:
        self.run_id = record.run_id
        self.since = since
        self._plan = record.plan
        self._ledger = ledger
        self._halt = halt
        self._watch = watch
        self._schedule = Schedule(
            record.plan,
            len(record.plan.steps),
            bound=[step.id for step in record.plan.steps if not anywhere(actions[step.action])],
        )
        self._body = Body(
            run_id=record.run_id,
            plan=record.plan,
            workspace=workspace,
            actions=actions,
            progress=self._say,
            cancelled=halt.at_once.is_set,
            stopping=self._stopping,
            waivers={waived.name: waived.reason for waived in record.waivers},
        )
        self._begun_before = record.status != "waiting" or any(step.attempts for step in record.steps)
        self._numbers: dict[str, int] = {}
        self._outcomes: queue.SimpleQueue[_Outcome] = queue.SimpleQueue()
        self._here = 0
        self._seen = 0
        self._failed = False
        self._standing: Standing | None = None

    def lead(self) -> None:
        """Carry the run out to its end or its next stop. Raises LeaseLost, StoreUnreachable."""
        with self._ledger.transaction():
            kind = "run.resumed" if self._begun_before else "run.started"
            event = self._ledger.journal.tell(
                self.run_id, kind, None, {"steps": len(self._plan.steps), "controller": self._ledger.token}
            )
        self._show([event])
        crash_point("run.taken-over")
        self._work(leading=True, enough=lambda: False)
        closing = self._body.close()
        crash_point("run.closed")
        with self._ledger.transaction():
            standing = self._ledger.standing(self.run_id)
            # Whoever leaves before the steps of others have ended does not know how it will end.
            kind = "controller.left" if self._schedule.running else self._how_it_ended(standing)
            event = self._ledger.journal.tell(self.run_id, kind, None, self._body.redactor.clean(closing))
            self._ledger.leave(self.run_id, ended=kind != "controller.left")
        self._show([event])

    def help(self, enough: Callable[[], bool]) -> None:
        """Take steps of a run that another controller leads, while it does and until there was enough of it.

        Raises LeaseLost, StoreUnreachable.
        """
        self._work(leading=False, enough=enough)
        self._body.close()

    def _how_it_ended(self, standing: Standing) -> str:
        if self._schedule.finished:
            return "run.done"
        if standing.request == "cancel":
            return "run.cancelled"
        if self._failed:
            return "run.failed"
        return "run.paused" if standing.request == "pause" else "controller.left"

    def _work(self, *, leading: bool, enough: Callable[[], bool]) -> None:
        self._standing = None
        with ThreadPoolExecutor(OVERALL_LIMIT, thread_name_prefix="step") as threads:
            while True:
                outcomes = self._gathered()
                standing = self._ledger.standing(self.run_id)
                if not leading and not self._here and not outcomes and self._nothing_to_help(standing, enough):
                    return
                if outcomes or standing != self._standing or self._halt.asked.is_set():
                    begun = self._exchange(outcomes, leading=leading)
                    crash_point("step.announced")
                    for attempt in begun:
                        threads.submit(self._carry_out, attempt)
                if leading and (not self._schedule.running or (self._halt.asked.is_set() and not self._here)):
                    return

    def _nothing_to_help(self, standing: Standing, enough: Callable[[], bool]) -> bool:
        return (
            not standing.queued
            or standing.leader is None
            or standing.since != self.since
            or self._halt.asked.is_set()
            or enough()
        )

    def _gathered(self) -> list[_Outcome]:
        """What has ended here; waits a little when nothing has."""
        found: list[_Outcome] = []
        if self._standing is not None:  # at the beginning there is nothing to wait for
            with suppress(queue.Empty):
                found.append(self._outcomes.get(timeout=POLL_SECONDS))
        with suppress(queue.Empty):
            while True:
                found.append(self._outcomes.get_nowait())
        return found

    def _exchange(self, outcomes: list[_Outcome], *, leading: bool) -> list[_Attempt]:
        """Record what has ended here, hear what has elsewhere, and take what may begin: one transaction."""
        told: list[Event] = []
        begun: list[_Attempt] = []
        with self._ledger.transaction():
            standing = self._ledger.standing(self.run_id)
            if leading and standing.leader != self._ledger.token:
                raise LeaseLost(f"{self.run_id} is led by another controller.")
            for change in self._ledger.changes(self.run_id, self._seen):
                self._hear(change)
            for outcome in outcomes:
                self._here -= 1
                self._record(outcome, told, begun)
            stopping = self._failed or standing.request is not None or self._halt.asked.is_set()
            with_leader = leading or (standing.queued and standing.leader is not None)
            while not stopping and with_leader and self._here < OVERALL_LIMIT:
                step = self._schedule.begin_next(leading=leading)
                if step is None:
                    break
                begun.append(self._begin(step, step.retries, told))
            self._seen = told[-1].number if told else standing.last
        self._standing = Standing(self._seen, standing.request, standing.queued, standing.leader, standing.since)
        self._show(told)
        return begun

    def _begin(self, step: Step, left: int, told: list[Event]) -> _Attempt:
        number = self._numbers[step.id] = self._numbers.get(step.id, 0) + 1
        data = {"attempt": number, "controller": self._ledger.token}
        told.append(self._ledger.journal.tell(self.run_id, "step.started", step.id, data))
        self._ledger.begin(self.run_id, step.id, number, told[-1].number)
        self._here += 1
        return _Attempt(step, number, left)

    def _record(self, outcome: _Outcome, told: list[Event], begun: list[_Attempt]) -> None:
        attempt, step_id, error = outcome.attempt, outcome.attempt.step.id, outcome.error
        tell, end = self._ledger.journal.tell, self._ledger.end
        if isinstance(error, LeaseLost):
            raise error
        if error is None:
            evidence = outcome.evidence or {}
            told.append(tell(self.run_id, "step.done", step_id, {"evidence": evidence}))
            end(self.run_id, step_id, attempt.number, "done", told[-1].number, evidence)
            self._body.results[step_id] = evidence
            self._schedule.succeeded(step_id)
            return
        data = {"error": error.as_data()}
        if self._halt.at_once.is_set() or isinstance(error, StepPaused):
            told.append(tell(self.run_id, "step.aborted", step_id, data))
            end(self.run_id, step_id, attempt.number, "given-up", told[-1].number)
            self._schedule.given_back(step_id)
        elif attempt.left:
            told.append(tell(self.run_id, "step.retried", step_id, {**data, "left": attempt.left - 1}))
            end(self.run_id, step_id, attempt.number, "retried", told[-1].number)
            begun.append(self._begin(attempt.step, attempt.left - 1, told))
        else:
            told.append(tell(self.run_id, "step.failed", step_id, data))
            end(self.run_id, step_id, attempt.number, "failed", told[-1].number)
            self._schedule.failed(step_id)
            self._failed = True

    def _hear(self, change: Change) -> None:
        """Bring the schedule up to date with what an attempt has become elsewhere, or in an earlier life."""
        step_id = change.step_id
        self._numbers[step_id] = max(change.number, self._numbers.get(step_id, 0))
        forgotten = change.state == "failed" and change.changed <= self.since
        running = step_id in self._schedule.running
        if not running and (change.state in ("open", "done") or (change.state == "failed" and not forgotten)):
            self._schedule.begun(step_id)
        if change.state == "done":
            self._body.results[step_id] = change.evidence or {}
            self._schedule.succeeded(step_id)
        elif change.state == "failed" and not forgotten:
            self._schedule.failed(step_id)
            self._failed = True
        elif running and (change.state == "given-up" or forgotten):
            self._schedule.given_back(step_id)

    # --- In the threads of steps

    def _carry_out(self, attempt: _Attempt) -> None:
        try:
            FENCE.require()
            outcome = _Outcome(attempt, evidence=self._body.apply(attempt.step))
            crash_point("step.recorded")
        except OnwardError as error:
            outcome = _Outcome(attempt, error=error)
        except BaseException as error:
            outcome = _Outcome(attempt, error=self._body.unforeseen(attempt.step, error))
        self._outcomes.put(outcome)

    def _stopping(self) -> bool:
        """Whether a pause was asked for, or the end, of this controller or of the run."""
        return self._halt.asked.is_set() or (self._standing is not None and self._standing.request is not None)

    def _say(self, step_id: str, text: str) -> None:
        with self._ledger.transaction():
            data = self._body.redactor.clean({"message": text})
            event = self._ledger.journal.tell(self.run_id, "step.progress", step_id, data)
        self._show([event])

    def _show(self, events: list[Event]) -> None:
        if self._watch is not None:
            for event in events:
                self._watch(event)
