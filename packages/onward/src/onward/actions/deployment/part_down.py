"""Says which part of a model is down, where a step fails because of it; and what a full disk means there."""

import errno
import sqlite3

from onward.actions.deployment.noted import store_of
from onward.actions.deployment.supervisor_start import supervisor_of
from onward.catalog.charms import charms
from onward.engine.action import Action, Evidence, StepContext
from onward.errors import NoDiskSpace, OnwardError, PartDown, UnitNotReady
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.model.deployment import ReadyProbe
from onward.observe.listening import answers

START = "start/"
_BEGINS = "unit.start"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class PartsLookedAt:
    """An action that uses what a model's units serve. Fails it, what is down is looked for, and named first.

    Only units that should run are looked at: those that were started, and that no step has stopped since. It adds
    nothing to what the action does, so that it is as safe to repeat.
    """

    def __init__(self, action: Action, directories: Directories) -> None:
        self.name = action.name
        self._action = action
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Do it. Raises PartDown in the place of what it raises where a part is down, NoDiskSpace."""
        if self.name == _BEGINS and (gone := self._servers_gone(context)):
            # It would wait for them as long as a unit may take to start.
            raise _part_down(context, gone, UnitNotReady(f"{context.step.target} was not started."))
        try:
            return self._action.apply(context)
        except OnwardError as error:
            if isinstance(error, PartDown) or context.cancelled() or not (down := self._down(context)):
                raise
            raise _part_down(context, down, error) from None
        except (OSError, sqlite3.OperationalError) as error:
            if not _is_full(error):
                raise
            raise NoDiskSpace(
                f"The disk is full: {getattr(error, 'filename', None) or context.workspace}.",
                evidence=f"{context.step.id}: {error}",
                state="What this step has not finished is done anew; what was stopped before is still stopped.",
                next_command=f"free some space\nonward runs resume {context.run_id}\n"
                f"onward runs restore {context.run_id}",
            ) from None

    def _down(self, context: StepContext) -> dict[str, str]:
        """By unit, how it is known to be down."""
        store = store_of(self._directories, context)
        found = {}
        for unit, states in self._should_run(context, store).items():
            if not_running := _not_running(states):
                found[unit] = not_running
            elif silent := _silent(store, unit):
                found[unit] = f"runs and does not answer ({silent})"
        return found

    def _servers_gone(self, context: StepContext) -> dict[str, str]:
        """The units without a service of OpenStack that do not run: the servers that all others stand on."""
        store = store_of(self._directories, context)
        units = self._should_run(context, store)
        servers = {unit: states for unit, states in units.items() if _is_server(store, unit)}
        return {unit: how for unit, states in servers.items() if (how := _not_running(states))}

    def _should_run(self, context: StepContext, store: ModelStore) -> dict[str, list[str]]:
        """By unit that was started here and not stopped since, what its processes do; none that the run starts yet."""
        if not store.exists:
            return {}
        begins = {
            step.target for step in context.plan.steps if step.action == _BEGINS and step.id not in context.results
        }
        away = {*store.record().get("placed", {}), *begins}
        states: dict[str, list[str]] = {}
        try:
            for each in supervisor_of(self._directories, context).states():
                states.setdefault(each.unit, []).append(each.state)
        except OSError:
            return {}  # Nobody can be asked, which is for the step's own error to tell.
        should = [step.removeprefix(START) for step in store.done() if step.startswith(START)]
        return {unit: states.get(unit, []) for unit in should if unit not in away}


def _is_full(error: Exception) -> bool:
    """Whether it is for want of room that nothing more could be written."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


def _is_server(store: ModelStore, unit: str) -> bool:
    application = unit.partition("/")[0]
    entry = store.record()["bundle"]["applications"].get(application, {})
    charm = charms().get(str(entry.get("charm") or application))
    return charm is not None and charm.service is None


def _not_running(states: list[str]) -> str:
    """How that is said; empty where all of its processes run."""
    if states and all(state in ("RUNNING", "STARTING") for state in states):
        return ""
    return f"does not run ({', '.join(sorted(set(states))) or 'its supervisor knows nothing of it'})"


def _silent(store: ModelStore, unit: str) -> str:
    """The process of a unit that does not answer; empty where all do."""
    for name, probe in store.probes(unit).items():
        if isinstance(probe, ReadyProbe) and not answers(probe, store.password_for(probe)):
            return name
    return ""


def _part_down(context: StepContext, down: dict[str, str], error: OnwardError) -> PartDown:
    # A server that others use is rather the cause of their silence than they of its.
    first = next((unit for unit, how in down.items() if how.startswith("does not run")), next(iter(down)))
    model = context.plan.cloud
    return PartDown(
        f"{context.step.id} could not be done: {first} {down[first]}.",
        evidence="\n".join([*(f"{unit} {how}" for unit, how in down.items()), f"{error.code}: {error.what}"])
        + (f"\n{error.evidence}" if error.evidence else ""),
        state=error.state,
        next_command=f"onward diagnose {model}\n{_ways_on(context, error)}",
    )


def _ways_on(context: StepContext, error: OnwardError) -> str:
    """What the step itself would have typed next, when the part is up again."""
    resume = f"onward runs resume {context.run_id}"
    return error.next_command if resume in error.next_command else f"{resume}\n{error.next_command}".strip()
