"""Have the processes of a unit run with the files that it has now, and wait until they serve."""

import re
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from onward.actions.deployment.behind import Behind
from onward.actions.deployment.cluster_member import galera_status, is_synced
from onward.actions.deployment.noted import store_of
from onward.actions.deployment.supervisor_start import supervisor_of
from onward.actions.waiting import wait_until
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import StepFailed, UnitNotReady
from onward.hosts.containers import end_containers_of
from onward.hosts.keeper import Keeper
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.hosts.supervisor import ProcessState
from onward.model.deployment import ReadyProbe, UnitProcess
from onward.observe.listening import answers
from onward.plan.deployment.containers import is_contained
from onward.plan.step import Frozen

MOST_BEGINNINGS = 4
"""A process that ends so often before it serves will not do so the next time."""
LOOK_SECONDS = 0.05
STEADY_SECONDS = 8
"""For a process without a probe: a service that cannot start has ended before."""
SETTLED_SECONDS = 60.0
"""For a process without a probe: how long it may take until it is steady."""


MOST_LINES, FEW_LINES = 300, 6
_EXCEPTION = re.compile(r"(?:^|\s)[\w.]+(?:Error|Exception|Invalid\w*|NotFound|Refused\w*|Failure|Unreachable): \S")


SYNCED_SECONDS = 600.0
"""For a server that is given a copy of the data by another one."""


class StartWish(Frozen):
    """The step's arguments."""

    unit: str
    directory: Path
    processes: tuple[UnitProcess, ...]
    configuration: str
    begins: bool
    taken_over: dict[str, str] = Field(default_factory=dict)
    synced: str = ""
    behind: tuple[Behind, ...] = ()


class StartUnit:
    """``unit.start``: start the unit, or restart it where it runs with other files.

    Arguments: ``unit``, ``directory``, ``processes``, ``configuration`` (a digest of the files), ``begins`` (whether
    it begins a cluster that never was), ``taken_over`` (steps that are done with it, and their digests), ``synced``
    (the socket of a database server that has to have all data of its cluster before another one is restarted),
    ``behind`` (where it stands behind load balancers, which may have been told to send it no calls).
    Evidence: ``pids`` by process, ``was_held`` (whether its processes had imported their code before and were let go),
    ``ready_seconds``, ``probes`` by process.
    """

    name = "unit.start"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Start it and wait. Raises UnitNotReady with the last lines of its log."""
        wish = StartWish.model_validate(context.step.arguments)
        unit, supervisor = wish.unit, supervisor_of(self._directories, context)
        store = store_of(self._directories, context)
        if wish.begins:
            _begin_cluster(wish, supervisor, store)
        # One that outlived its client would answer in place of the one that is begun.
        attached = {each.name for each in supervisor.states(unit) if each.pid}
        end_containers_of(wish.directory, {each.name for each in wish.processes} - attached)
        began = time.monotonic()
        was_held = supervisor.apply(unit, wish.processes, wish.configuration)
        # Processes that were held have been running for longer than they have been at work.
        let_go = time.monotonic() if was_held else 0.0
        crash_point("unit.started")
        # What a process ran in before, and outlived a client that had to be killed, would be in its way.
        end_containers_of(wish.directory, [each.name for each in wish.processes if not is_contained(each)])
        called = [each for each in wish.processes if isinstance(each.ready, ReadyProbe)]
        for process in called:
            self._wait(context, supervisor, unit, process, store, let_go)
        # Callers have waited long enough: what only works by itself is seen to be steady later.
        for place in wish.behind:
            place.let_in_where_known()
        for process in wish.processes:
            if process not in called:
                self._wait(context, supervisor, unit, process, store, let_go)
        if wish.synced:
            _wait_synced(context, wish)
        for step, digest in wish.taken_over.items():
            store.note_done(step, digest, {})
        pids = {each.name: each.pid for each in supervisor.states(unit)}
        return {
            "pids": pids,
            "was_held": was_held,
            "ready_seconds": round(time.monotonic() - began, 2),
            "probes": {each.name: each.ready.model_dump(mode="json") for each in wish.processes if each.ready},
        }

    def _wait(
        self,
        context: StepContext,
        supervisor: Keeper,
        unit: str,
        process: UnitProcess,
        store: ModelStore,
        let_go: float,
    ) -> None:
        probe = process.ready
        deadline = time.monotonic() + (probe.seconds if probe else SETTLED_SECONDS)
        pids = set[int]()
        while True:
            state = next((each for each in supervisor.states(unit) if each.name == process.name), None)
            pids |= {state.pid} if state is not None and state.pid else set()
            runs = state is not None and state.state == "RUNNING"
            steady = state is not None and min(state.seconds, time.monotonic() - let_go) >= STEADY_SECONDS
            # What answers at its own address serves, also where its supervisor waits for whether it stays.
            runs = runs or (state is not None and state.state == "STARTING" and isinstance(probe, ReadyProbe))
            if runs and (steady if probe is None else answers(probe, store.password_for(probe))):
                return
            if context.cancelled():
                raise StepFailed(f"Stopped while {unit} was starting.", state=f"{unit} goes on starting.")
            if state is not None and (state.state == "FATAL" or len(pids) > MOST_BEGINNINGS):
                raise _not_ready(context, unit, process, state, "ends again and again")
            if time.monotonic() > deadline:
                raise _not_ready(context, unit, process, state, "does not serve in time")
            time.sleep(LOOK_SECONDS)


def _wait_synced(context: StepContext, wish: StartWish) -> None:
    wait_until(
        context,
        lambda: galera_status(wish.synced),
        lambda seen: is_synced(dict(seen)),
        seconds=SYNCED_SECONDS,
        stopped=f"Stopped while {wish.unit} was given its data.",
        failed=f"{wish.unit} runs and does not become part of its cluster.",
        state="The other servers run on as they are.",
    )


def _begin_cluster(wish: StartWish, supervisor: Keeper, store: ModelStore) -> None:
    """Have the unit begin a cluster that never was: unless it has, and serves, it is begun anew.

    The mark is read and removed by the process itself, so that whoever restarts it later has it join the others.
    """
    serves = all(each.ready is None or answers(each.ready, store.password_for(each.ready)) for each in wish.processes)
    if not serves or not supervisor.runs(wish.unit, wish.processes, wish.configuration):
        supervisor.remove(wish.unit)
        (wish.directory / "begin-cluster").touch(mode=0o600)


def _telling(lines: Sequence[str]) -> Sequence[str]:
    """The lines of a log that end with its last exception, for a server says more afterwards; else its last ones."""
    recent = lines[-MOST_LINES:]
    ends = [place for place, line in enumerate(recent, start=1) if _EXCEPTION.search(line)]
    return recent[max(0, ends[-1] - FEW_LINES) : ends[-1]] if ends else recent[-2 * FEW_LINES :]


def _not_ready(
    context: StepContext, unit: str, process: UnitProcess, state: ProcessState | None, how: str
) -> UnitNotReady:
    log = Path(process.directory) / "log" / f"{process.name}.log"
    lines = _telling(log.read_text(errors="replace").splitlines()) if log.is_file() else []
    said = f"supervisor: {state.state} {state.said}" if state else "supervisor: unknown to it"
    return UnitNotReady(
        f"{process.name} of {unit} {how}.",
        evidence="\n".join([said, f"log: {log}", *lines]),
        state="What was started before goes on running.",
        next_command=f"onward runs resume {context.run_id}",
    )
