"""Ping through this machine's kernel all the while that services go to another release, and hold it to a budget."""

from dataclasses import asdict
from pathlib import Path

from onward.actions.check_cloud import DATA_PLANE
from onward.actions.waiting import wait_until
from onward.engine.action import Evidence, StepContext
from onward.errors import DataPlaneLost
from onward.hosts.data_plane import Pinged, end, pinged, pinging, why_not
from onward.hosts.guard import GuardedProcess

_PINGING = "data-plane"
_BEGIN_SECONDS = 60.0


class BeginDataPlane:
    """``dataplane.begin``: from now on there are pings between two network namespaces, twenty a second.

    Evidence: ``made``, and ``why`` where none can be made on this machine: then nothing is measured, and that is said.
    The namespaces and their processes end with Onward; after a crash, what was seen until then is in a file of the run.
    """

    name = "dataplane.begin"

    def apply(self, context: StepContext) -> Evidence:
        """Begin, and wait for the first answer. Raises UnitNotReady."""
        if why := why_not():
            context.progress(f"no data plane is watched: {why}")
            return {"made": False, "why": why}
        report, log = _report(context), context.workspace / "logs" / "data-plane.log"
        log.parent.mkdir(exist_ok=True, mode=0o700)
        process = context.session.use(_PINGING, lambda: pinging(report, log))
        wait_until(
            context,
            lambda: {"pings": pinged(report), "process": process.tail()},
            lambda seen: isinstance(seen["pings"], Pinged) and seen["pings"].sent > seen["pings"].lost,
            seconds=_BEGIN_SECONDS,
            stopped="Stopped while network namespaces were made.",
            failed="No ping comes from one network namespace to the other.",
        )
        return {"made": True, "why": ""}


class EndDataPlane:
    """``dataplane.end``: end the pings, and stop the run where one was not answered for longer than the budget.

    Arguments: ``begin``, the step that began them, and ``budget_seconds``. Evidence: ``sent``, ``lost``,
    ``longest_seconds``, ``whole`` (whether they went all the while: not after a crash), ``waived``; or ``why`` there
    were none.
    """

    name = "dataplane.end"

    def apply(self, context: StepContext) -> Evidence:
        """End and judge. Raises DataPlaneLost."""
        arguments = context.step.arguments
        begun = context.results.get(str(arguments["begin"]), {})
        if not begun.get("made"):
            return {"why": begun.get("why", "")}
        whole = context.session.known(_PINGING)
        if whole:
            process: GuardedProcess = context.session.use(
                _PINGING, lambda: pinging(_report(context), Path("/dev/null"))
            )
            end(process)
        seen, budget = pinged(_report(context)), float(str(arguments["budget_seconds"]))
        if seen is None:
            return {"why": "nothing was written down before the run was killed"}
        lost = seen.longest_seconds > budget
        if lost and DATA_PLANE not in context.waivers:
            raise DataPlaneLost(
                f"The data plane was gone for {seen.longest_seconds:g} s, and {budget:g} s was its budget.",
                evidence=f"{seen.lost} of {seen.sent} pings between two network namespaces were lost",
                state="All services are at their target. What is understood can be let pass: onward runs resume"
                f" {context.run_id} --waive '{DATA_PLANE}=REASON'",
                next_command=f"onward runs show {context.run_id}",
            )
        return {**asdict(seen), "whole": whole, "waived": lost}


def _report(context: StepContext) -> Path:
    return context.workspace / "data-plane.json"
