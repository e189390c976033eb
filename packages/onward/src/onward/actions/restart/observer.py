"""Looks at units that are being restarted, and at what they share: a few questions for all of them together."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Self

from onward.actions.deployment.noted import store_of
from onward.actions.remote.placed import Placed
from onward.actions.restart.unit_restart import LookAtUnits
from onward.catalog.load import recipe
from onward.engine.action import StepContext
from onward.errors import ApiUnavailable, OnwardError
from onward.hosts.model_store import ModelStore
from onward.hosts.state import Directories
from onward.hosts.supervisor import ProcessState
from onward.hosts.user import own_name
from onward.model.deployment import QueueProbe, ReadyProbe, UnitProcess
from onward.model.heartbeats import Reporter
from onward.model.restart import BrokerLoad, DatabaseLoad
from onward.observe.broker_load import BrokerAccess, BrokerWatch
from onward.observe.cloud_api import CloudApi, cloud_api
from onward.observe.database_load import observe_database_load
from onward.observe.heartbeats import observe_reporters_by_api
from onward.observe.listening import answers
from onward.plan.deployment.restarting import BrokerPlace, RestartArguments, UnitRestart
from onward.plan.step import Step
from onward.restart.health import ProcessSeen, UnitSeen

BROKER_USER = "onward"
"""default_user in the charm of the broker."""


class Observer:
    """All eyes of one restart. Not for several threads."""

    def __init__(self, directories: Directories, context: StepContext, wish: RestartArguments) -> None:
        self._context = context
        self._wish = wish
        self._store = store_of(directories, context)
        self._look = Placed(LookAtUnits(directories), directories)
        self._processes = {
            each.unit: tuple(UnitProcess.model_validate(told) for told in _listed(each.start["processes"]))
            for each in wish.units
        }
        self._stack = ExitStack()
        self._broker = _broker(wish.broker, self._store) if wish.broker else None
        self._api: CloudApi | None = None

    def __enter__(self) -> Self:
        """Nothing is asked yet."""
        if self._broker is not None:
            self._stack.enter_context(self._broker)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the broker."""
        self._stack.close()

    def broker(self) -> BrokerLoad | None:
        """How the broker bears it; None where the units use none."""
        return self._broker.load() if self._broker is not None else None

    def databases(self) -> tuple[DatabaseLoad, ...]:
        """How the database servers of this machine bear it."""
        return tuple(observe_database_load(unit, path, own_name()) for unit, path in self._wish.databases.items())

    def states(self, units: Iterable[UnitRestart]) -> dict[str, list[ProcessState]]:
        """What the processes of units do. A machine that does not answer has units of which nothing is known."""
        by_machine: dict[str | None, list[str]] = {}
        for each in units:
            by_machine.setdefault(each.machine, []).append(each.unit)
        found: dict[str, list[ProcessState]] = {}
        for machine, names in by_machine.items():
            step = Step(
                id="look",
                action="units.look",
                target=names[0],
                arguments={"units": list[Any](names)},
                reason="",
                phase="deploy",
                machine=machine,
            )
            try:
                told = self._look.apply(replace(self._context, step=step))["units"]
            except (OnwardError, OSError):
                continue
            found |= {unit: [ProcessState(**each) for each in processes] for unit, processes in told.items()}
        return found

    def before(self, units: Sequence[UnitRestart]) -> dict[str, dict[str, Any]]:
        """What units are that are about to be restarted: so that it is seen that they were."""
        states = self.states(units)
        found: dict[str, dict[str, Any]] = {}
        for each in units:
            takers = [self._takers(process) or frozenset() for process in self._processes[each.unit]]
            pids = [state.pid for state in states.get(each.unit, []) if state.pid]
            found[each.unit] = {"pids": pids, "takers": sorted(frozenset[str]().union(*takers))}
        return found

    def units(self, units: Sequence[UnitRestart]) -> dict[str, UnitSeen]:
        """What is seen of units."""
        states = self.states(units)
        reporters, failure = self._reporters() if any(each.reports for each in units) else ({}, "")
        return {each.unit: self._seen(each, states.get(each.unit, []), reporters, failure) for each in units}

    def _seen(
        self,
        unit: UnitRestart,
        states: Sequence[ProcessState],
        reporters: Mapping[tuple[str, str], Reporter],
        failure: str,
    ) -> UnitSeen:
        described = {each.name: each for each in self._processes[unit.unit]}
        processes = []
        for state in states:
            process = described.get(state.name)
            runs = process is not None and state.state == "RUNNING"
            serves = self._serves(process.ready) if runs and process else None
            takers = self._takers(process) if process else None
            processes.append(ProcessSeen(state.name, state.state, state.pid, state.seconds, serves, takers))
        row = reporters.get((unit.reports.kind, unit.reports.host)) if unit.reports else None
        return UnitSeen(processes, unit.reports is not None, row, failure)

    def _serves(self, probe: ReadyProbe | QueueProbe | None) -> bool | None:
        return answers(probe, "") if isinstance(probe, ReadyProbe) else None

    def _takers(self, process: UnitProcess) -> frozenset[str] | None:
        """Connections over which the process takes calls; none at all where the broker does not say."""
        probe = process.ready
        if not isinstance(probe, QueueProbe) or self._broker is None:
            return None
        return self._broker.takers(probe.vhost, probe.queue) or frozenset()

    def _reporters(self) -> tuple[dict[tuple[str, str], Reporter], str]:
        """What the service's API lists, and why it does not where it does not."""
        facts = recipe(self._wish.service).heartbeats
        if facts is None or facts.api is None:
            return {}, "it lists nothing"
        try:
            if self._api is None:
                environment = {"OS_CLIENT_CONFIG_FILE": self._wish.credentials}
                self._api = cloud_api(self._context.plan.cloud, environment)
            urls = [self._api.url_of(kind, "internal") for kind in facts.api.types]
            url = next((each for each in urls if each), None)
            if url is None:
                return {}, "the catalogue has no URL of it"
            listed = observe_reporters_by_api(self._api, url, facts, facts.api)
        except ApiUnavailable as error:
            return {}, error.what
        return {(each.kind, each.host): each for each in listed.rows}, listed.failure


def _broker(place: BrokerPlace, store: ModelStore) -> BrokerWatch:
    lender = ModelStore(store.directory.parent / place.model) if place.model else store
    password = lender.secrets()[place.secret]
    return BrokerWatch(BrokerAccess(place.addresses, place.port, place.management, BROKER_USER, password))


def _listed(value: object) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
