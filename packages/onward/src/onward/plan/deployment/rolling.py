"""Takes the services of a deployed model through releases while they serve: one unit after the other. Pure.

Release by release, and in each of them service by service: the schema grows, unit by unit gets the new code, data are
moved, and at last what only the old code needed is removed. Whoever asks through the load balancer is always answered
by a unit that serves.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pydantic import JsonValue

from onward.catalog.load import in_force
from onward.catalog.service import Command
from onward.plan.deployment.deferring import step_digest
from onward.plan.deployment.forward import BACKUP_POOL, GATE, PROBE, PROBED, Forward
from onward.plan.deployment.left import left_of
from onward.plan.deployment.move import Move
from onward.plan.deployment.planner import CONFIGURE_POOL, START_POOL, every_step
from onward.plan.deployment.site import Site
from onward.plan.deployment.topology import Topology
from onward.plan.deployment.wish import DeploymentWish
from onward.plan.forward import BUILD_POOL, WARM_POOL
from onward.plan.plan import Plan, digest_of, in_order
from onward.plan.step import Step

ORDER = (
    "keystone",
    "barbican",
    "placement",
    "glance",
    "cinder",
    "neutron",
    "nova",
    "heat",
    "designate",
    "octavia",
    "horizon",
)
"""https://docs.openstack.org/charm-guide/latest/admin/upgrades/openstack.html#upgrade-order: placement before nova."""

_BEHIND = "it gets no calls, begins anew with the release, and gets calls again when it answers"
_OF_BROKER = "it ends what it is at, and begins anew with the release"


@dataclass(frozen=True)
class Hop:
    """One release on the way, with what the model is like at it."""

    series: str
    topology: Topology
    """The model with the options that its units have at this release, once all are at it."""
    mixed: Topology
    """The same as long as units are at two releases: with the options that keep these able to talk to one another."""
    site: Site
    """With this release's environments."""
    moves: tuple[Move, ...]
    """The services that go to it."""


def rolling_order(moves: Iterable[Move]) -> tuple[Move, ...]:
    """Services in the order in which upstream takes them to a release."""
    known = {service: place for place, service in enumerate(ORDER)}
    return tuple(sorted(moves, key=lambda move: known.get(move.service, len(known))))


def plan_rolling(wish: DeploymentWish, hops: tuple[Hop, ...], batch: int) -> tuple[Plan, tuple[str, ...]]:
    """The plan, and the steps that the bundle asks for besides: those of units that are not to be rolled.

    ``batch``: so many units at once, of those that go in batches.
    """
    rolling = Rolling(wish, hops, batch)
    steps = list(rolling.steps())
    plan = Plan(
        kind="deployment",
        cloud=wish.site.model,
        facts={"record": digest_of(dict(wish.record)), "before": dict(wish.before)},
        limits={BUILD_POOL: wish.parallel, WARM_POOL: wish.parallel, BACKUP_POOL: 4, CONFIGURE_POOL: 4, START_POOL: 4},
        steps=tuple(in_order(steps)),
    ).sealed()
    return plan, rolling.besides


class Rolling(Forward):
    """What a way forward has before and after it, and between them the units, one after the other."""

    def __init__(self, wish: DeploymentWish, hops: tuple[Hop, ...], batch: int) -> None:
        self._wish = replace(wish, moves=())
        self._hops = hops
        self._batch = batch
        self._rolled = {name for move in wish.moves for name in move.applications}
        whole = {each.id: each for each in every_step(self._wish)}
        settles = {
            move.owner: {step: step_digest(whole[step]) for step in (f"initialise/{move.owner}",) if step in whole}
            for move in wish.moves
        }
        super().__init__(wish.topology, wish.site, wish.moves, settles, wish.described, wish.budget_seconds)
        again = {f"{verb}/{name}" for name in self._rolled for verb in ("publish", "join")}
        holds = {step: digest for step, digest in wish.holds.items() if step not in again}
        self._left = {each.id: each for each in left_of(list(whole.values()), holds)}
        self._whole = whole

    @property
    def besides(self) -> tuple[str, ...]:
        """Steps that have to be done and that no rolling does: something else of the bundle is to change as well."""
        return tuple(step.id for step in self._left.values() if self._kind(step) == "besides")

    def _kind(self, step: Step) -> str:
        """What becomes of a step of the plan that brings a model to what its bundle says."""
        verb, _, target = step.id.partition("/")
        rolled = target in self._rolled or target.partition("/")[0] in self._rolled
        if verb in ("record", "supervisor", "environment"):
            return "before"
        if rolled and verb in ("publish", "join"):
            return "after"
        return "instead" if rolled and verb in ("configure", "start", "reload", "initialise") else "besides"

    def steps(self) -> Iterator[Step]:
        """All, in the order in which they are done."""
        before = [step for step in self._left.values() if self._kind(step) == "before"]
        prepared = [step for step in before if step.action == "application.environment"]
        for move in self._moves:
            prepared += [_imported(step) for step in self._prepared(move)]
            prepared += self._beforehand(move)
        yield from prepared
        ready = tuple(step.id for step in prepared)
        if self.gate:
            yield self._checks(self._moves, ready)
            ready = (GATE,)
        stages = [[step] for step in before if step.action != "application.environment"]
        stages.append(list(self._untouched[0]))
        stages.append([self._probe(PROBE, "probe.begin", "prepare", (), "the APIs are called all the while")])
        yield from _chained([*stages, *self._on_the_way(), *self._ended()], ready)

    def _beforehand(self, move: Move) -> Iterator[Step]:
        """Whether the releases can be reached at all while units serve, as they say themselves."""
        for series in move.ahead:
            looks = self._command(move, "beforehand", series, "the release says whether units may go on serving")
            yield from (
                step.model_copy(update={"phase": "prepare", "needs": (f"warm/{move.service}/{series}",)})
                for step in looks
                if step.arguments["commands"]
            )

    def _on_the_way(self) -> Iterator[list[Step]]:
        """Steps that are done one after the other, or some of them at once."""
        kept = set[str]()
        for position, hop in enumerate(self._hops):
            steps = self._steps_at(hop, hop.mixed)
            for move in rolling_order(hop.moves):
                if move.service not in kept:
                    kept.add(move.service)
                    yield [self._backup(move)]
                yield self._command(move, "expand", hop.series, "its schema grows: the old code goes on with it")
                yield from self._units(hop, move, steps, first=not position)
                yield self._command(move, "migrate", hop.series, "its data are moved by the code that all units run")
                yield self._command(move, "contract", hop.series, "nothing runs any more that needs what is removed")
        yield from self._lifted()

    def _steps_at(self, hop: Hop, topology: Topology) -> dict[str, Step]:
        """The steps that would make the model what it is at a release."""
        return {step.id: step for step in every_step(replace(self._wish, topology=topology, site=hop.site))}

    def _units(self, hop: Hop, move: Move, steps: Mapping[str, Step], *, first: bool) -> Iterator[list[Step]]:
        for name in self._in_order(move):
            size = self._batch if self._batches(name) else 1
            units = self._topology.units(name)
            for begin in range(0, len(units), size):
                together = [
                    self._roll(f"roll/{hop.series}/{unit}", unit, steps) for unit in units[begin : begin + size]
                ]
                yield [step for step in together if not (first and self._holds(step))]

    def _in_order(self, move: Move) -> list[str]:
        """The applications of a service: those that work for its API, the API, and those that go in batches."""
        place = {name: number for number, name in enumerate(self._topology.in_order())}

        def late(name: str) -> tuple[bool, bool, bool, int]:
            answers = any(each.wsgi is not None for each in self._topology.charms[name].processes)
            return self._batches(name), answers, name != move.owner, place[name]

        return sorted(move.applications, key=late)

    def _batches(self, name: str) -> bool:
        rolling = self._topology.charms[name].rolling
        return rolling is not None and rolling.batches

    def _holds(self, step: Step) -> bool:
        """Whether an earlier run has taken the unit there."""
        parts = [Step.model_validate(step.arguments[name]) for name in ("configure", "start")]
        return all(self._wish.holds.get(part.id) == step_digest(part) for part in parts)

    def _roll(self, step_id: str, unit: str, steps: Mapping[str, Step]) -> Step:
        arguments: dict[str, JsonValue] = {
            name: steps[f"{name}/{unit}"].model_dump(mode="json", exclude={"needs"}) for name in ("configure", "start")
        }
        return Step(
            id=step_id,
            action="unit.roll",
            target=unit,
            arguments=arguments,
            reason=_BEHIND if "behind" in steps[f"start/{unit}"].arguments else _OF_BROKER,
            phase="deploy",
            pool=START_POOL,
        )

    def _lifted(self) -> Iterator[list[Step]]:
        """Units lose what has kept two releases able to talk to one another."""
        hop = self._hops[-1]
        if hop.mixed == hop.topology:
            return
        mixed, steps = self._steps_at(hop, hop.mixed), self._steps_at(hop, hop.topology)
        for move in rolling_order(self._moves):
            for name in self._in_order(move):
                size = self._batch if self._batches(name) else 1
                pinned = [
                    unit
                    for unit in self._topology.units(name)
                    if mixed[f"configure/{unit}"] != steps[f"configure/{unit}"]
                ]
                for begin in range(0, len(pinned), size):
                    yield [self._roll(f"lift/{unit}", unit, steps) for unit in pinned[begin : begin + size]]

    def _command(self, move: Move, part: str, series: str, reason: str) -> list[Step]:
        """What the release does at that point; nothing where it does nothing. The last part says that it is reached."""
        rolling = self._topology.charms[move.owner].rolling
        commands: tuple[Command, ...] = getattr(rolling, part)
        ends = part == "contract"
        if not in_force(commands, series) and not ends:
            return []
        step = self._commands(
            move,
            series,
            in_force(commands, series),
            f"{part}/{move.service}/{series}",
            "outage" if ends else "prepare",
            (),
            reason,
        )
        arguments = step.arguments if ends else {**step.arguments, "settles": {}}
        change = {"phase": "deploy", "reversible": part == "beforehand", "arguments": arguments}
        return [step.model_copy(update=change)]

    def _backup(self, move: Move) -> Step:
        return Step(
            id=f"backup/{move.service}",
            action="model.backup",
            target=move.service,
            arguments={"databases": self._databases(move), "series": move.path[0]},
            reason=f"what brings back {move.path[0]}, without what is written from now on",
            phase="deploy",
            pool=BACKUP_POOL,
        )

    def _ended(self) -> Iterator[list[Step]]:
        """What is told of the units when all are new, and what callers have seen."""
        after = {step.id: step for step in self._left.values() if self._kind(step) == "after"}
        for name in self._topology.in_order():
            yield [after[step] for step in (f"publish/{name}", f"join/{name}") if step in after]
        reason = "whether a call has failed meanwhile, its callers have seen"
        yield [self._probe(PROBED, "probe.end", "proof", (), reason), *self._untouched[1]]


def _imported(step: Step) -> Step:
    """There is no outage that it could be imported before."""
    if step.action != "application.warm":
        return step
    return step.model_copy(update={"reason": "its code is compiled and imported before anything waits for it"})


def _chained(stages: Iterable[list[Step]], needs: tuple[str, ...]) -> Iterator[Step]:
    """Stages one after the other; the steps of one stage at once."""
    for stage in stages:
        yield from (step.model_copy(update={"needs": needs}) for step in stage)
        needs = tuple(step.id for step in stage) or needs
