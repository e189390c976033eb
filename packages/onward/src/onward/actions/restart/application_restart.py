"""Restart the units of an application in batches, each when the last one is healthy and what all share is calm."""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from onward.actions.deployment.noted import store_of
from onward.actions.remote.placed import Placed
from onward.actions.restart.observer import Observer
from onward.actions.restart.unit_restart import RestartUnit
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import RestartStopped, StepFailed, StepPaused
from onward.hosts.lasting_lines import add_line, lines_of
from onward.hosts.state import Directories
from onward.model.restart import Fleet, Seen
from onward.plan.deployment.restarting import RestartArguments, UnitRestart
from onward.plan.step import Step
from onward.restart.controller import Begin, Done, Stop, Wait, decide, on_the_way
from onward.restart.health import Before, lacking
from onward.restart.history import Entry, after, progress_of
from onward.restart.load import calm_of

LOOK_SECONDS = 0.5
CALM_LOOKS = 10
"""Looks before anything begins, which say what calm is."""
AT_ONCE = 16
"""Units that are told at once: those of one batch that are more wait for one another a moment."""
SKIPPED = "skipped"
"""In the run's directory: a line for each unit that somebody wants left out."""


class RestartApplication:
    """``application.restart``: the closed loop. What is decided is in ``onward.restart``, which is pure.

    Arguments: see RestartArguments. Each decision is on the disk before it is carried out, in the run's directory:
    killed at any instant, the loop goes on from there, and a unit that is being restarted is not restarted a second
    time. What a unit owes is forgotten only when it is seen healthy. Evidence: how many are ``healthy``, why others
    ``failed``, which were ``skipped``, in how many ``batches``, and how many connections were ``opened`` at the broker.
    """

    name = "application.restart"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Go on until none is left. Raises RestartStopped, StepPaused, StepFailed."""
        wish = RestartArguments.model_validate(context.step.arguments)
        with (
            Observer(self._directories, context, wish) as observer,
            ThreadPoolExecutor(AT_ONCE, thread_name_prefix="restart") as threads,
        ):
            return _Loop(self._directories, context, wish, observer, threads).run()


class _Loop:
    def __init__(
        self,
        directories: Directories,
        context: StepContext,
        wish: RestartArguments,
        observer: Observer,
        threads: ThreadPoolExecutor,
    ) -> None:
        self._context, self._wish, self._observer, self._threads = context, wish, observer, threads
        self._store = store_of(directories, context)
        self._restart = Placed(RestartUnit(directories), directories)
        self._units = {each.unit: each for each in wish.units}
        self._fleet = Fleet(
            tuple(self._units), {each.unit: each.domain for each in wish.units if each.domain}, wish.most_away
        )
        self._file = context.workspace / f"{context.step.id.replace('/', '-')}.jsonl"
        self._progress = progress_of(self._fleet, wish.bounds, history(self._file))
        self._told: dict[str, Future[Evidence]] = {}
        self._said = ""

    def run(self) -> Evidence:
        """Look, decide, write down, carry out, until the end."""
        opened = self._begin()
        while True:
            seen = self._look()
            entries, move = decide(self._fleet, self._wish.bounds, self._progress, seen)
            for entry in entries:
                self._note(entry)
            match move:
                case Done():
                    return self._evidence(opened)
                case Stop(kind="asked", why=why):
                    raise StepPaused(f"The restart of {self._wish.application} was stopped: {why}.")
                case Stop(kind=kind, why=why):
                    raise self._stopped(kind, why)
                case Begin(units=units):
                    self._begin_batch(units)
                case Wait(why=why):
                    self._say(why)
            if self._context.cancelled():
                raise StepFailed(f"Stopped while {self._wish.application} was being restarted.")
            time.sleep(LOOK_SECONDS)

    def _begin(self) -> int:
        """What was calm is known, who has stayed away has another try, and who was told is told again."""
        if self._progress.calm is None:
            looks = list(self._calm_looks())
            self._note(Entry(kind="calm", at=time.time(), calm=calm_of(looks)))
        else:
            self._note(Entry(kind="again", at=time.time(), units=tuple(self._progress.failed)))
        self._tell(self._progress.restarting)
        load = self._observer.broker()
        return load.opened if load is not None else 0

    def _calm_looks(self) -> Iterator[Seen]:
        for _ in range(CALM_LOOKS):
            yield Seen(time.time(), broker=self._observer.broker(), databases=self._observer.databases())
            time.sleep(LOOK_SECONDS)

    def _begin_batch(self, units: Sequence[str]) -> None:
        before = self._observer.before([self._units[unit] for unit in units])
        self._note(Entry(kind="restarting", at=time.time(), units=tuple(units), before=before))
        crash_point("restart.decided")
        self._tell(units)

    def _tell(self, units: Iterable[str]) -> None:
        """Have the units begin anew, all of them at once."""
        for unit in units:
            self._told[unit] = self._threads.submit(self._restart.apply, self._context_of(self._units[unit]))

    def _context_of(self, unit: UnitRestart) -> StepContext:
        generation = f"{self._context.run_id}/{self._progress.attempts.get(unit.unit, 1)}"
        step = Step(
            id=f"restart/{unit.unit}",
            action="unit.restart",
            target=unit.unit,
            arguments={**unit.start, "generation": generation},
            reason="",
            phase="deploy",
            machine=unit.machine,
        )
        return replace(self._context, step=step)

    def _look(self) -> Seen:
        """Everything that is decided by."""
        skip = frozenset(lines_of(self._context.workspace / SKIPPED))
        looked = [self._units[unit] for unit in (*self._progress.restarting, *self._progress.failed)]
        found = self._observer.units(looked) if looked else {}
        health = {
            unit: self._failure_to_tell(unit) or lacking(seen, Before.of(self._progress.before.get(unit, {})))
            for unit, seen in found.items()
        }
        at = time.time()
        return Seen(
            at=at,
            health=health,
            away=frozenset() if on_the_way(self._wish.bounds, self._progress, at) else self._away(),
            broker=self._observer.broker(),
            databases=self._observer.databases(),
            skip=skip,
            stopping=self._context.stopping(),
        )

    def _away(self) -> frozenset[str]:
        """Units that do not run, before a batch begins."""
        waiting = [self._units[unit] for unit in self._progress.waiting]
        states = self._observer.states(waiting)
        return frozenset(
            each.unit
            for each in waiting
            if not (found := states.get(each.unit)) or any(not state.pid for state in found)
        )

    def _failure_to_tell(self, unit: str) -> str:
        """Why it could not be told; empty as long as it is not known, or it was."""
        told = self._told.get(unit)
        if told is None:
            return ""
        if not told.done():
            return "it is being stopped"
        error = told.exception()
        return f"it could not be restarted: {error}" if error is not None else ""

    def _note(self, entry: Entry) -> None:
        """Write it down. What a unit owes is forgotten before it counts as healthy, never after."""
        if entry.kind == "healthy":
            for unit in entry.units:
                self._settle(self._units[unit])
            crash_point("restart.settled")
        add_line(self._file, entry.model_dump_json(exclude_defaults=True))
        crash_point(f"restart.{entry.kind}")
        self._progress = after(self._progress, entry)
        if entry.kind == "failed":
            self._context.progress(f"{', '.join(entry.units)} stays away: {entry.why}")
        if entry.kind == "settled" and entry.why:
            self._context.progress(f"batches of {entry.size} from now on: {entry.why}")

    def _settle(self, unit: UnitRestart) -> None:
        """It runs as the step that starts it would have left it."""
        evidence = self._store.noted(f"start/{unit.unit}").get("evidence", {})
        self._store.note_done(f"start/{unit.unit}", unit.digest, evidence)
        taken = unit.start.get("taken_over")
        for step, digest in taken.items() if isinstance(taken, dict) else ():
            self._store.note_done(step, str(digest), {})

    def _say(self, why: str) -> None:
        """Tell how far it is and what is waited for, once."""
        progress = self._progress
        batch = f"batch of {len(progress.restarting)}, " if len(progress.restarting) > 1 else ""
        text = f"{len(progress.healthy)} of {len(self._fleet.units)} restarted; {batch}{why}"
        if text != self._said:
            self._said = text
            self._context.progress(text)

    def _stopped(self, kind: str, why: str) -> RestartStopped:
        progress = self._progress
        reasons = {
            "alarm": "the broker is in alarm",
            "failures": f"{len(progress.failed)} units stay away, and {self._wish.bounds.failures} may",
            "canary": "the first unit stays away",
            "quorum": "more units would be away than their cluster bears",
            "not calm": "the broker or the database does not become calm",
        }
        return RestartStopped(
            f"The restart of {self._wish.application} stopped: {reasons[kind]}.",
            evidence=why,
            state=f"{len(progress.healthy)} units are restarted and healthy, {len(progress.waiting)} as they were.",
            next_command=f"onward runs resume {self._context.run_id}\nonward runs skip {self._context.run_id} UNIT",
        )

    def _evidence(self, opened: int) -> Evidence:
        progress, load = self._progress, self._observer.broker()
        return {
            "healthy": len(progress.healthy),
            "failed": dict(progress.failed),
            "skipped": sorted(progress.skipped),
            "batches": progress.batches,
            "slowest_seconds": round(progress.slowest, 1),
            "opened": load.opened - opened if load is not None and not load.failure else None,
        }


def history(path: Path) -> list[Entry]:
    """The lines of a restart. One that a power cut has left half was never acted upon."""
    found = []
    for line in lines_of(path):
        try:
            found.append(Entry.model_validate_json(line))
        except ValidationError:
            continue
    return found
