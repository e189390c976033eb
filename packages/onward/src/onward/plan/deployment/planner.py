"""Plans what brings a model to the state that its bundle describes. Pure: the same wish gives the same plan."""

from collections.abc import Iterator, Sequence

from pydantic import JsonValue

from onward.catalog.charm import Joins
from onward.plan.deployment import early
from onward.plan.deployment.commands import command_arguments, command_variables
from onward.plan.deployment.databases import databases_of
from onward.plan.deployment.deferring import deferrals, deferring, step_digest
from onward.plan.deployment.forward import BACKUP_POOL, Forward
from onward.plan.deployment.granting import grant_id, grant_wish, withdrawal
from onward.plan.deployment.left import left_of, still
from onward.plan.deployment.machines import environment_id, environment_steps, machine_steps, supervisor_id
from onward.plan.deployment.move import arrived, held, stopped, warmed
from onward.plan.deployment.opening import Opening
from onward.plan.deployment.reloading import can_reload
from onward.plan.deployment.removal import removals
from onward.plan.deployment.serving import behind, cluster_wish, clustered, reached_at, serves
from onward.plan.deployment.unit import unit_state
from onward.plan.deployment.wish import DeploymentWish
from onward.plan.deployment.words import Words
from onward.plan.forward import BUILD_POOL, WARM_POOL
from onward.plan.plan import Plan, digest_of, in_order
from onward.plan.step import WAIT_POOL, Phase, Step

CONFIGURE_POOL, START_POOL = "configure", "start"
STOPS_AT_ONCE = 32
"""Applications that are stopped at once: each takes as long as its slowest process, and no processor."""


def plan_deployment(wish: DeploymentWish) -> Plan:
    """The steps that are left to do; none where all is as it shall be. Raises BundleInvalid, InvalidCatalogue."""
    steps = every_step(wish)
    moving = [name for move in wish.moves for name in move.applications]
    again = {f"{step}/{name}" for name in moving for step in ("publish", "join")}
    # On the way back from units that were taken one after the other, some never left: they are stopped like the others.
    again |= {f"start/{unit}" for name in moving for unit in wish.topology.units(name)}
    holds = {step: digest for step, digest in wish.holds.items() if step not in again}
    put_off = {} if wish.moves else deferrals(steps, holds, wish.deferred, defer=wish.defer)
    left = left_of(steps, {**holds, **put_off})
    if wish.defer:
        left += deferring(put_off, {each.id for each in left})
    remaining = {each.id for each in left}
    needs = {each.id: each.needs for each in (*steps, *left)}
    kept = [each.model_copy(update={"needs": still(each.needs, remaining, needs)}) for each in left]
    return Plan(
        kind="deployment",
        cloud=wish.site.model,
        facts={"record": digest_of(dict(wish.record)), **({"before": dict(wish.before)} if wish.moves else {})},
        limits={BUILD_POOL: wish.parallel, WARM_POOL: wish.parallel, BACKUP_POOL: 4, CONFIGURE_POOL: 4, START_POOL: 4}
        | ({WAIT_POOL: STOPS_AT_ONCE} if wish.moves else {}),
        steps=tuple(in_order(kept)),
    ).sealed()


def every_step(wish: DeploymentWish) -> list[Step]:
    """All steps of a model from nothing, whether or not they hold. Raises BundleInvalid, InvalidCatalogue."""
    return list(_Deployment(wish).steps())


class _Deployment:
    """All steps of a model from nothing."""

    def __init__(self, wish: DeploymentWish) -> None:
        self._wish = wish
        self._topology = wish.topology
        self._moving = {name: move for move in wish.moves for name in move.applications}
        self._words = {name: Words(wish.topology, wish.site, name) for name in wish.topology.applications}
        granted = {step for step in wish.holds if step.startswith("grant/")}
        self._opening = Opening(wish.topology, self._words, set(self._moving), granted)
        self._states = {
            unit: unit_state(self._words[name], unit)
            for name in wish.topology.applications
            for unit in wish.topology.units(name)
        }
        self._withdrawals = [withdrawal(each, ("record",), reversible=True) for each in wish.withdrawn]
        self._withdrawn = tuple(step.id for step in self._withdrawals)
        settles = {
            move.owner: {each.id: step_digest(each) for each in self._initial(move.owner)} for move in wish.moves
        }
        ahead = tuple(held(unit) for name in self._moving for unit in self._held(name))
        self._forward = Forward(
            wish.topology, wish.site, wish.moves, settles, wish.described, wish.budget_seconds, ahead
        )

    def steps(self) -> Iterator[Step]:
        yield self._record()
        yield self._supervisor()
        yield from machine_steps(self._wish.site)
        yield from self._withdrawals
        yield from environment_steps(self._topology, self._wish.site, self._wish.choices, self._wish.choices_on)
        yield from self._forward.steps()
        for name in self._topology.in_order():
            yield from self._application(name)
        moved = [name for move in self._wish.moves for name in move.applications]
        later = [f"start/{unit}" for name in moved for unit in self._opening.later(name)]
        yield from self._forward.ended((*(step for name in moved for step in serves(self._topology, name)), *later))
        yield from removals(self._wish.surplus, self._words, self._wish.begun, self._all_serve())

    def _all_serve(self) -> tuple[str, ...]:
        """The steps after which nobody is told of a unit that is no more."""
        return tuple(step for name in self._topology.applications for step in serves(self._topology, name))

    def _record(self) -> Step:
        secrets: dict[str, JsonValue] = {
            f"{name}/{secret}": kind
            for name, charm in self._topology.charms.items()
            for secret, kind in charm.secrets.items()
        }
        return self._step(
            "record",
            "model.record",
            self._wish.site.model,
            {"record": dict(self._wish.record), "secrets": secrets},
            # What is refused leaves the model as it was, and what is remembered of it.
            needs=self._forward.gate,
            reason="what the model shall be is known before anything of it is made",
        )

    def _supervisor(self) -> Step:
        return self._step(
            "supervisor",
            "supervisor.start",
            self._wish.site.model,
            {"sockets": str(self._wish.site.sockets)},
            needs=("record",),
            reason="keeps the processes of all units running, with or without Onward",
        )

    def _environment(self, name: str, unit: str) -> str:
        """The step that builds what a unit of an application runs."""
        return environment_id(name, self._where(unit))

    def _where(self, unit: str) -> str | None:
        """The machine where a unit is; None is this one."""
        return self._wish.site.machines.get(unit)

    def _supervised(self, unit: str) -> str:
        """The step after which the unit's processes can be started where it is."""
        return supervisor_id(self._where(unit))

    def _application(self, name: str) -> Iterator[Step]:
        units = self._topology.units(name)
        for unit in units:
            yield self._configuration(unit)
        yield from self._grants(name)
        move = self._moving.get(name)
        for unit in self._held(name):
            yield self._hold(name, unit)
        initial = [] if move else list(self._initial(name))
        yield from initial
        before = tuple(step.id for step in initial) or self._opening.needs(name)
        before += (arrived(move),) if move else ()
        cluster = clustered(self._topology, name)
        begins = cluster and f"cluster/{name}" not in self._wish.begun
        # Those that have data and know the others come first; whoever is new joins them.
        order = sorted(units, key=lambda unit: f"start/{unit}" not in self._wish.begun) if cluster else units
        for position, unit in enumerate(order):
            # A cluster is begun by one unit, and joined by one after the other: each is given a copy by another. What
            # serves already is restarted one by one, so that the others go on serving.
            one_by_one = cluster or (f"start/{unit}" in self._wish.begun and move is None)
            joined = (f"start/{order[position - 1]}",) if one_by_one and position else ()
            if unit in self._opening.later(name):
                joined = (f"publish/{name}",)
            yield self._start(name, unit, before + joined, begins=begins and not position)
        yield from self._reloads(name, units)
        if cluster:
            yield self._cluster(name)
        if self._topology.balancer(name) is not None:
            yield self._publication(name)
        joins = self._topology.charms[name].joins
        if joins is not None and units:
            yield self._joined(name, joins)

    def _configuration(self, unit: str) -> Step:
        state, name = self._states[unit], unit.partition("/")[0]
        left_out = {"processes", "settled", "mutable", *(() if state.health_code else ("health_code",))}
        return self._step(
            f"configure/{unit}",
            "unit.configure",
            unit,
            {
                "state": state.model_dump(mode="json", exclude=left_out),
                "start": step_digest(self._start(name, unit, (), begins=False)),
            },
            # What runs reads its files again when it is restarted by whatever ends it.
            needs=(
                "record",
                *((f"machine/{self._where(unit)}",) if self._where(unit) else ()),
                *((stopped(name),) if name in self._moving else ()),
            ),
            reason="all that it needs of others is final; written once",
            pool=CONFIGURE_POOL,
            machine=self._where(unit),
        )

    def _grants(self, name: str) -> Iterator[Step]:
        for relation in self._topology.used_by(name):
            provider, grants = relation.provider[0], self._topology.grants(relation)
            if grants is not None:
                yield self._step(
                    grant_id(relation),
                    grants,
                    f"{provider} for {name}",
                    grant_wish(self._words[name], relation).model_dump(mode="json"),
                    needs=("record", *self._withdrawn, *serves(self._topology, provider)),
                    reason=f"{name} uses {provider} as a user of its own, who may do no more than it needs",
                    # Its administrator is known by the socket, and nobody but the machine itself need reach it.
                    machine=None if provider in self._topology.lent else self._where(self._topology.units(provider)[0]),
                )

    def _initial(self, name: str) -> Iterator[Step]:
        charm, words = self._topology.charms[name], self._words[name]
        if not charm.initialise:
            return
        first = self._topology.units(name)[0]
        yield self._step(
            f"initialise/{name}",
            "application.initialise",
            name,
            {
                **command_arguments(
                    words, charm.initialise, self._wish.site.series[name], self._environment(name, first), "initialise"
                ),
                "variables": command_variables(words),
                "databases": databases_of(words),
            },
            needs=(self._environment(name, first), f"configure/{first}", *self._opening.needs(name)),
            reason="its schema, and what it needs to begin with, are made once for all units",
            machine=self._where(first),
        )

    def _joined(self, name: str, joins: Joins) -> Step:
        there = next(
            each.provider[0] for each in self._topology.used_by(name) if each.requirer == (name, joins.endpoint)
        )
        units, series = self._topology.units(name), self._wish.site.series[there]
        first = self._topology.units(there)[0]
        environment = self._environment(there, first)
        commands = command_arguments(self._words[there], joins.commands, series, environment, f"join-{name}")
        return self._step(
            f"join/{name}",
            "application.initialise",
            name,
            # Done again for other units.
            {**commands, "variables": {}, "units": list(units)},
            needs=tuple(f"start/{unit}" for unit in units),
            reason=f"{there} is told of its units",
            machine=self._where(first),
        )

    def _held(self, name: str) -> tuple[str, ...]:
        """The units whose next processes import their code before the outage."""
        move = self._moving.get(name)
        if move is None or move.backups or name not in self._wish.choices:
            return ()
        return tuple(unit for unit in self._topology.units(name) if all(p.waits for p in self._states[unit].processes))

    def _hold(self, name: str, unit: str) -> Step:
        state, move = self._states[unit], self._moving[name]
        return self._step(
            held(unit),
            "unit.hold",
            unit,
            {
                "unit": unit,
                "directory": state.directory,
                "processes": [each.model_dump(mode="json") for each in state.processes],
                "configuration": state.settled,
                "program": next(each.model_dump(mode="json") for each in state.files if each.path == early.PATH),
                "memory": self._topology.charms[name].memory,
            },
            needs=(*self._forward.gate, self._supervised(unit), self._environment(name, unit), warmed(move)),
            reason="its next processes import their code while it serves",
            pool=WARM_POOL,
            machine=self._where(unit),
        )

    def _start(self, name: str, unit: str, before: tuple[str, ...], *, begins: bool) -> Step:
        state = self._states[unit]
        environment = (self._environment(name, unit),) if name in self._wish.choices else ()
        return self._step(
            f"start/{unit}",
            "unit.start",
            unit,
            {
                "unit": unit,
                "directory": state.directory,
                "processes": [each.model_dump(mode="json") for each in state.processes],
                "configuration": state.settled,
                "begins": begins,
                "taken_over": {each.id: step_digest(each) for each in self._reloads(name, (unit,))},
                **self._synced(name, unit),
                **({"behind": [*places]} if (places := behind(self._words[name], unit)) else {}),
            },
            needs=(f"configure/{unit}", self._supervised(unit), *environment, *before),
            reason="restarted with its new files, it serves when this is done"
            if f"start/{unit}" in self._wish.begun
            else "it serves when this is done",
            pool=START_POOL,
            machine=self._where(unit),
        )

    def _reloads(self, name: str, units: Sequence[str]) -> Iterator[Step]:
        """Running processes take over what has changed of mutable options."""
        if not can_reload(self._topology.charms[name]):
            return
        for unit in units:
            state = self._states[unit]
            means: list[JsonValue] = [
                each.model_dump(mode="json", include={"name", "reload_signal", "reload_file"})
                for each in state.processes
            ]
            yield self._step(
                f"reload/{unit}",
                "unit.reload",
                unit,
                {"unit": unit, "processes": means, "options": dict(state.mutable)},
                needs=(f"configure/{unit}", f"start/{unit}"),
                reason="its processes take over those options that are mutable, while they run",
                pool=START_POOL,
                machine=self._where(unit),
            )

    def _synced(self, name: str, unit: str) -> dict[str, JsonValue]:
        """For a database server of a cluster: where it is asked whether it has all data."""
        rule = self._topology.charms[name].cluster
        galera = clustered(self._topology, name) and rule is not None and rule.kind == "galera"
        return {"synced": self._wish.site.socket(unit)} if galera else {}

    def _cluster(self, name: str) -> Step:
        rule, wish = self._topology.charms[name].cluster, cluster_wish(self._words[name])
        return self._step(
            f"cluster/{name}",
            f"cluster.{rule.kind if rule else ''}",
            name,
            wish.model_dump(mode="json", exclude=None if wish.size else {"size"}),
            needs=tuple(f"start/{unit}" for unit in self._topology.units(name)),
            reason="nobody is told of it before it is one cluster",
            machine=self._where(self._topology.units(name)[0]),
        )

    def _publication(self, name: str) -> Step:
        balancer = self._topology.balancer(name) or ""
        return self._step(
            f"publish/{name}",
            "application.publish",
            name,
            {"application": name, **reached_at(self._words[name])},
            needs=(
                *((f"cluster/{name}",) if clustered(self._topology, name) else ()),
                *(f"start/{unit}" for unit in self._topology.units(name) if unit not in self._opening.later(name)),
                *(f"start/{unit}" for unit in self._topology.units(balancer)),
            ),
            reason=f"it can be reached through {balancer}",
            machine=next((self._where(unit) for unit in self._topology.units(balancer)), None),
        )

    def _phase(self, action: str, step_id: str) -> Phase:
        """Until the last unit of what moves serves again, the services are down."""
        verb, _, target = step_id.partition("/")
        if verb == "hold":
            return "prepare"
        moves = target.partition("/")[0] in self._moving
        return "outage" if moves and verb in ("configure", "start", "publish", "join") else "deploy"

    def _step(
        self,
        step_id: str,
        action: str,
        target: str,
        arguments: dict[str, JsonValue],
        *,
        reason: str,
        needs: tuple[str, ...] = (),
        pool: str | None = None,
        retries: int = 0,
        machine: str | None = None,
    ) -> Step:
        return Step(
            id=step_id,
            action=action,
            target=target,
            arguments=arguments,
            needs=tuple(dict.fromkeys(needs)),
            reason=reason,
            phase=self._phase(action, step_id),
            pool=pool,
            retries=retries,
            machine=machine,
        )
