"""Hurt a unit of a deployed cloud while its APIs are called, and see what its users see."""

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import psutil
from keystoneauth1.exceptions import EndpointNotFound

from onward.actions.deployment.noted import store_of
from onward.actions.deployment.supervisor_start import supervisor_of
from onward.actions.trial.callers import BACK_SECONDS, ask, log_in, until_all_answer
from onward.actions.trial.cloud import NAME, TrialCloud, trial_cloud, tried
from onward.actions.trial.use import FINDERS, active, make_server, remove_server
from onward.actions.waiting import wait_until
from onward.engine.action import Evidence, StepContext
from onward.engine.crash import crash_point
from onward.errors import PromiseBroken, StepFailed
from onward.hosts.containers import processes_in_containers
from onward.hosts.keeper import Keeper
from onward.hosts.state import Directories
from onward.observe.availability import Caller, watching
from onward.observe.listening import answers
from onward.plan.step import Frozen
from onward.plan.trial import Access, FaultKind

STOPPED_SECONDS = 25
"""For how long a unit hangs: longer than a cluster or a load balancer waits for it."""


class _Wish(Frozen):
    """The step's arguments, other than those of an Access."""

    unit: str
    kind: FaultKind
    longest_seconds: float | None
    servers: bool


class InjectFault:
    """``fault.inject``: do something to a unit, wait until it is well again, and say what callers of all APIs saw.

    Arguments: those of an Access, ``unit``, ``kind``, ``longest_seconds`` (for how long an API may be gone; None: as
    long as it takes), ``servers`` (whether a new server has to come up afterwards). Evidence: ``apis`` by name,
    ``longest_seconds``, ``recovered_seconds``.
    Every fault ends by itself or with the unit's processes, so that a step that was killed can be done again.
    """

    name = "fault.inject"

    def __init__(self, directories: Directories) -> None:
        self._directories = directories

    def apply(self, context: StepContext) -> Evidence:
        """Hurt it. Raises PromiseBroken; UnitNotReady when it does not come back; StepFailed for a refused call."""
        told = context.step.arguments
        wish = _Wish.model_validate({key: each for key, each in told.items() if key not in Access.model_fields})
        cloud = trial_cloud(context, self._directories)
        supervisor = supervisor_of(self._directories, context)
        callers = tried(context, "An API", lambda: _callers(cloud))
        with watching(callers) as watch:
            until_all_answer(context, watch, time.monotonic())
            context.progress(f"{wish.kind} {wish.unit}")
            began = time.monotonic()
            unit_directory = store_of(self._directories, context).unit_directory(wish.unit)
            processes = _processes(supervisor, wish.unit, unit_directory)
            _HURT[wish.kind](processes)
            crash_point("fault.injected")
            if wish.kind == "stop":
                self._until_over(context, began + STOPPED_SECONDS)
            self._until_well(
                context, wish.unit, ended={each.pid for each in processes} if wish.kind == "kill" else set()
            )
            recovered = time.monotonic() - began
            until_all_answer(context, watch, time.monotonic())
        seen = {name: asdict(each) for name, each in watch.finish().items()}
        longest = max(each["longest_seconds"] for each in seen.values())
        if wish.longest_seconds is not None and longest > wish.longest_seconds:
            gone = [f"{name}: {each['longest_seconds']:.1f} s, {each['last_failure']}" for name, each in seen.items()]
            raise PromiseBroken(
                f"An API was gone for {longest:.1f} s when {wish.unit} was hurt; promised: {wish.longest_seconds:g} s.",
                evidence="\n".join(gone),
                state=f"{wish.unit} is well again.",
                next_command=f"onward runs report {context.run_id}",
            )
        if wish.servers:
            tried(context, "A new server", lambda: _new_server(cloud))
        return {"apis": seen, "recovered_seconds": round(recovered, 1), "longest_seconds": longest}

    def _until_over(self, context: StepContext, deadline: float) -> None:
        while time.monotonic() < deadline and not context.cancelled():
            time.sleep(0.2)

    def _until_well(self, context: StepContext, unit: str, ended: set[int]) -> None:
        """Return when the unit serves, with other processes than those that have ended."""
        store, supervisor = store_of(self._directories, context), supervisor_of(self._directories, context)
        probes = store.probes(unit)

        def look() -> dict[str, bool]:
            running = {
                f"process {each.name}": each.state == "RUNNING" and each.pid not in ended
                for each in supervisor.states(unit)
            }
            return {**running, **{name: answers(probe, store.password_for(probe)) for name, probe in probes.items()}}

        wait_until(
            context,
            look,
            lambda seen: bool(seen) and all(seen.values()),
            seconds=BACK_SECONDS,
            stopped=f"Stopped while {unit} was coming back.",
            failed=f"{unit} does not come back.",
        )


def _new_server(cloud: TrialCloud) -> None:
    """The message bus carries a whole conversation again, from the API to a compute."""
    name = f"{NAME}-afterwards"
    remove_server(cloud, name)
    active(cloud, make_server(cloud, name))
    remove_server(cloud, name)


def _processes(supervisor: Keeper, unit: str, directory: Path) -> list[psutil.Process]:
    """The unit's processes, each before those that it has started; those in its containers are the unit's, too."""
    found = []
    for pid in (*(state.pid for state in supervisor.states(unit)), *processes_in_containers(directory)):
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            found += [process, *process.children(recursive=True)]
    return found


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _stop(processes: list[psutil.Process]) -> None:
    """A shell lets them go on after a while, whatever becomes of this process."""
    pids = [str(process.pid) for process in processes]
    script = f'kill -STOP "$@"; sleep {STOPPED_SECONDS}; kill -CONT "$@"'
    subprocess.Popen(["/bin/sh", "-c", script, "sh", *pids], start_new_session=True, stderr=subprocess.DEVNULL)


def _fill_disk(processes: list[psutil.Process]) -> None:
    """No file of theirs can become longer: what is then written to one is refused, as on a full disk.

    It holds for these processes alone. Whoever cannot live with it ends, and is started again without.
    """
    hard = {process: _limited(process, 0) for process in processes}
    psutil.wait_procs(processes, timeout=STOPPED_SECONDS)
    for process, limit in hard.items():
        if limit is not None:
            _limited(process, limit)


def _limited(process: psutil.Process, longest: int) -> int | None:
    """Let it make no file longer than that; the limit that it cannot go beyond. None when it has ended."""
    try:
        _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (longest, hard))
    except psutil.NoSuchProcess:
        return None
    return int(hard)


_HURT: dict[FaultKind, Callable[[list[psutil.Process]], None]] = {"kill": _kill, "stop": _stop, "disk": _fill_disk}


def _callers(cloud: TrialCloud) -> dict[str, Caller]:
    """Whoever calls the APIs: each asks for what the trial has made; with Keystone one logs in anew each time."""
    token, admin = cloud.user.auth_token, cloud.admin.auth_token
    found: dict[str, Caller] = {"identity": lambda: _login(cloud)}
    for use, (service, path) in _ASKED.items():
        try:
            endpoint = cloud.user.session.get_endpoint(
                service_type=service, interface="public", region_name=cloud.access.region
            )
        except EndpointNotFound:
            continue  # The bundle has no such service.
        thing = FINDERS[use](cloud) if use in FINDERS else None
        if use in FINDERS and thing is None:
            raise StepFailed(f"There is no {use} of the trial.", next_command="onward smoke")
        identifier = getattr(thing, "secret_id", None) or getattr(thing, "id", "")
        url = endpoint.rstrip("/") + path.format(identifier)
        found[service] = partial(ask, url, admin if service == "placement" else token)
    return found


_ASKED = {
    "image": ("image", "/v2/images/{}"),
    "inventory": ("placement", "/resource_providers"),
    "network": ("network", "/v2.0/networks/{}"),
    "server": ("compute", "/servers/{}"),
    "volume": ("block-storage", "/volumes/{}"),
    "secret": ("key-manager", "/v1/secrets/{}"),
}


def _login(cloud: TrialCloud) -> None:
    log_in(cloud.access.url, NAME, cloud.user_password, NAME)
