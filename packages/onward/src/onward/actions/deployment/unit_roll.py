"""Take one unit of an application to another release while the others serve: out of the balancer, new, and back in."""

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from onward.actions.deployment.behind import Behind
from onward.actions.deployment.noted import Noted, store_of
from onward.actions.deployment.supervisor_start import supervisor_of
from onward.actions.deployment.unit_configure import ConfigureUnit
from onward.actions.deployment.unit_start import StartUnit, StartWish
from onward.actions.waiting import LOOK_SECONDS
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import StepFailed, UnitNotAdmitted
from onward.hosts.balancer import Served
from onward.hosts.state import Directories
from onward.observe.listening import calls_being_answered, status_of
from onward.plan.step import Frozen, Step

OTHERS_SECONDS = 120.0
"""For another unit to serve: it may have come back just now, and HAProxy looks every few seconds."""
DRAIN_SECONDS = 900.0
"""For the longest call that somebody waits for: an image takes minutes."""
ADMIT_SECONDS = 120.0


class _Wish(Frozen):
    """The step's arguments."""

    configure: Step
    start: Step


class RollUnit:
    """``unit.roll``: the unit gets no calls, ends those that it has, begins anew, and gets calls again.

    Arguments: ``configure`` and ``start``, the steps that make it what it shall be, which are done here and remembered
    as done. ``start`` says where it stands behind load balancers: nowhere for what takes its work from the broker.
    Evidence: ``seconds`` of each part (``drain``, ``start``, ``admit``), ``answered``: calls that it has answered
    through the balancer before the step was over. Killed anywhere it is done from its beginning, which stops nothing
    that runs as it shall already.
    """

    name = "unit.roll"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Do it. Raises UnitNotAdmitted, UnitNotReady, BalancerSilent, StepFailed."""
        wish = _Wish.model_validate(context.step.arguments)
        start, began = StartWish.model_validate(wish.start.arguments), time.monotonic()
        # Whoever deploys after a crash lets it in again.
        store_of(self._directories, context).undo(wish.start.id)
        for place in start.behind:
            self._drain(context, start.unit, place)
        drained = time.monotonic()
        evidence = self._renew(context, wish, start)
        started = time.monotonic()
        answered = sum(self._admit(context, start.unit, place) for place in start.behind)
        return {
            "seconds": {
                "drain": round(drained - began, 2),
                "start": round(started - drained, 2),
                "admit": round(time.monotonic() - started, 2),
            },
            "pids": evidence["pids"],
            "answered": answered,
        }

    def _drain(self, context: StepContext, unit: str, place: Behind) -> None:
        for seen in _looks(context, place, OTHERS_SECONDS, f"No unit but {unit} serves: it is not taken out."):
            if any(each.up for name, each in seen.items() if name != place.server):
                break
        context.progress(f"{unit} ends the calls that it has")
        place.take_out()
        crash_point("unit.drained")
        try:
            for seen in _looks(context, place, DRAIN_SECONDS, f"{unit} does not come to the end of its calls."):
                if not seen[place.server].sessions and not calls_being_answered(place.address, place.port):
                    return
        except (UnitNotAdmitted, StepFailed):
            # It runs as it did: whoever looks at this later finds it at work.
            place.let_in()
            raise

    def _renew(self, context: StepContext, wish: _Wish, start: StartWish) -> Evidence:
        """Its files and processes; what runs with these files already is left alone."""
        supervisor = supervisor_of(self._directories, context)
        if not supervisor.runs(start.unit, start.processes, start.configuration):
            context.progress(f"{start.unit} stops")
            # Nobody waits for an answer of what stands behind a balancer, and is drained.
            supervisor.stop((start.unit,), lambda _unit, process: bool(start.behind) and _only_answers(start, process))
            crash_point("unit.stopped")
        # Files change when nobody reads them.
        self._part(context, ConfigureUnit(self._directories), wish.configure)
        context.progress(f"{start.unit} starts with its new release")
        return self._part(context, StartUnit(self._directories), wish.start)

    def _part(self, context: StepContext, action: ConfigureUnit | StartUnit, step: Step) -> Evidence:
        return Noted(action, self._directories).apply(replace(context, step=step))

    def _admit(self, context: StepContext, unit: str, place: Behind) -> int:
        """Let it have calls, and make some until it has answered one; how many it has."""
        place.let_in()
        crash_point("unit.admitted")
        context.progress(f"{unit} gets calls again")
        before: Served | None = None
        for seen in _looks(context, place, ADMIT_SECONDS, f"{unit} answers no call through the load balancer."):
            now = seen[place.server]
            if not now.up:
                continue
            before = before or now
            if now.bad > before.bad:
                # Others go on: callers are not to find out what is wrong with this one.
                place.take_out()
                raise _not_admitted(context, f"{unit} answers callers with errors.", seen)
            if now.good > before.good:
                return now.good - before.good
            status_of(place.url)
        raise AssertionError("looking ends with what is looked for, or with an error")


def _only_answers(start: StartWish, process: str) -> bool:
    return any(each.name == process and each.reload_file is not None for each in start.processes)


def _looks(context: StepContext, place: Behind, seconds: float, failed: str) -> Iterator[dict[str, Served]]:
    """What the balancer sees, again and again. Raises UnitNotAdmitted in the end, StepFailed."""
    deadline = time.monotonic() + seconds
    for look in count():
        seen = place.seen()
        if place.server not in seen:
            raise _not_admitted(context, f"HAProxy has no {place.server} in {place.backend}.", seen)
        yield seen
        if context.cancelled():
            raise StepFailed(f"Stopped at {context.step.target}.", state="The units that serve go on serving.")
        if time.monotonic() > deadline:
            raise _not_admitted(context, failed, seen)
        time.sleep(LOOK_SECONDS if look else LOOK_SECONDS / 4)


def _not_admitted(context: StepContext, what: str, seen: dict[str, Served]) -> UnitNotAdmitted:
    lines = [
        f"{name}: {each.status}, {each.sessions} calls at work, {each.good} answered, {each.bad} failed"
        for name, each in seen.items()
    ]
    return UnitNotAdmitted(
        what,
        evidence="\n".join(lines),
        state="The units that serve go on serving.",
        next_command=f"onward runs resume {context.run_id}",
    )
