"""Plans a rehearsal of several services, side by side, each in a lane of its own. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import Field, JsonValue

from onward.plan.forward import (
    BUILD_POOL,
    WARM_POOL,
    EnvironmentChoice,
    Lane,
    baseline_step,
    census_id,
    environment_id,
    environment_steps,
    migrate_id,
    migration_steps,
    runner_id,
    runner_steps,
)
from onward.plan.plan import Plan, in_order
from onward.plan.rehearsal import CopySource, copy_step, proved_lane, removal_step, scratch_step
from onward.plan.step import Frozen, Phase, Step


class LaneWish(Frozen):
    """A service that is rehearsed, with everything that was found out beforehand."""

    service: str
    path: tuple[str, ...] = Field(min_length=2)
    configuration: tuple[str, ...] = Field(
        default=(), description="The service's own files, which name its databases; none: new ones are made"
    )
    seed: str = Field(default="", description="A file of SQL that is loaded into the new ones")
    seed_bytes: int = 0
    environments: dict[str, EnvironmentChoice]
    asked: bool = Field(description="Its API is asked at both ends; else its databases alone are compared")
    finishes: bool = Field(default=False, description="The source's own code has data left to move")
    waits: bool = Field(default=False, description="The target has data to move when it serves")


class CloudRehearsalWish(Frozen):
    """What the operator asked for."""

    cloud: str
    lanes: tuple[LaneWish, ...] = Field(min_length=1)
    facts: dict[str, JsonValue]
    parallel: int = Field(default=2, ge=1, description="How many environments are built, and runners warmed, at once")
    keep: bool = Field(default=False, description="Leave the copies in place afterwards")


def plan_cloud_rehearsal(wish: CloudRehearsalWish, durations: Mapping[str, float] | None = None) -> Plan:
    """The plan of it. The same wish and durations give the same plan, byte for byte.

    A migration begins when all services are ready for theirs: an outage begins for all at once, so that what the lanes
    cost each other is measured as well.
    """
    ready: list[str] = []
    migrated: list[Step] = []
    ends: list[str] = []
    steps: list[Step] = []
    for each in wish.lanes:
        lane = Lane(each.service, each.path, each.environments, durations or {}, name=each.service)
        of_lane = _asked(lane, each) if each.asked else _compared(lane, each)
        ends.append(of_lane[-1].id)
        first = lane.id("migrate", each.path[1])
        ready += next(step.needs for step in of_lane if step.id == first)
        migrated += [step for step in of_lane if step.id == first]
        steps += [step for step in of_lane if step.id != first]
    together = tuple(dict.fromkeys(ready))
    steps += [step.model_copy(update={"needs": together}) for step in migrated]
    if not wish.keep:
        steps.append(removal_step(tuple(ends)))
    return Plan(
        kind="rehearsal",
        cloud=wish.cloud,
        path=max((each.path for each in wish.lanes), key=len),
        facts=wish.facts,
        limits={BUILD_POOL: wish.parallel, WARM_POOL: wish.parallel},
        steps=tuple(in_order(steps)),
    ).sealed()


def _asked(lane: Lane, wish: LaneWish) -> list[Step]:
    return proved_lane(lane, CopySource(shown="", configuration=wish.configuration), "mariadb")


def _compared(lane: Lane, wish: LaneWish) -> list[Step]:
    """A service's way through the series, proved by its rows, its revisions and each release's own checks."""
    source = lane.path[0]
    used = lane.path if wish.finishes or not wish.configuration else lane.path[1:]
    own = wish.configuration
    copy = copy_step(lane, CopySource(shown="", configuration=own)) if own else _new(lane)
    configure = Step(
        id=lane.id("configure"),
        action="copy.configure",
        target=lane.service,
        arguments={"service": lane.service},
        needs=(copy.id,),
        reason=f"{lane.service} must see the copies, never the cloud",
        phase="prepare",
    )
    make = [] if own else [_make(lane, wish, configure.id)]
    filled = make[-1].id if make else configure.id
    counted: tuple[str, ...] = (filled,)
    finish = _finish(lane, source, (filled, runner_id(source, lane.name)) if wish.finishes else (), "prepare")
    if wish.finishes:
        counted = (finish.id,)
    ready = (census_id(source, lane.name), *(runner_id(series, lane.name) for series in used))
    return [
        *environment_steps(lane, used),
        scratch_step(lane, "mariadb"),
        copy,
        configure,
        *runner_steps(lane, used),
        *make,
        *([finish] if wish.finishes else []),
        baseline_step(lane, counted),
        *_checked(lane, wish, migration_steps(lane, ready, census_each=True, reversible=True)),
    ]


def _checked(lane: Lane, wish: LaneWish, steps: Iterable[Step]) -> Iterator[Step]:
    """The migrations, and after each the release's own checks, before the next one changes what they look at.

    Some look for tables or columns of their own release, so that before an outage they cannot be told. What the target
    moves when it serves is moved before its rows are counted, so that these are compared as well.
    """
    before: dict[str, Step] = {}
    for step in steps:
        series = str(step.arguments["series"])
        last = series == lane.path[-1]
        needs = (before[step.id].id,) if step.id in before else step.needs
        yield (done := step.model_copy(update={"needs": needs}))
        if step.id != census_id(series, lane.name):
            if last and wish.waits:
                yield (moved := _finish(lane, series, (done.id,), "proof"))
                before[census_id(series, lane.name)] = moved
            continue
        yield (check := _check(lane, wish, series))
        if not last:
            before[migrate_id(lane.path[lane.path.index(series) + 1], lane.name)] = check


def _check(lane: Lane, wish: LaneWish, series: str) -> Step:
    last = series == lane.path[-1]
    return Step(
        id=lane.id("check", series),
        action="service.check",
        target=f"{lane.service} {series}",
        arguments={"service": lane.service, "series": series, "adopted": list(wish.configuration)},
        needs=(census_id(series, lane.name), environment_id(series, lane.name)),
        reason="the target release knows best whether it can start from this"
        if last
        else "what this release would refuse is seen while the copy is at it",
        phase="proof" if last else "outage",
        expected_seconds=lane.expected(lane.id("check", series)),
    )


def _finish(lane: Lane, series: str, needs: tuple[str, ...], phase: Phase) -> Step:
    """A release moves data that it moves while it serves: that of the source before the outage, the target after it."""
    return Step(
        id=lane.id("finish", series),
        action="release.finish",
        target=f"{lane.service} {series}",
        arguments={"service": lane.service, "series": series},
        needs=needs,
        reason="data that the old release has to move with its own code, while it serves"
        if phase == "prepare"
        else "data that no release on the way needed in another form: it is moved while the service is used",
        phase=phase,
    )


def _new(lane: Lane) -> Step:
    return Step(
        id=lane.id("copy"),
        action="scratch.make",
        target="scratch database",
        arguments={"service": lane.service},
        needs=(lane.id("scratch"),),
        reason=f"databases of a new {lane.service}",
        phase="prepare",
    )


def _make(lane: Lane, wish: LaneWish, configured: str) -> Step:
    arguments: dict[str, JsonValue] = {"service": lane.service, "series": lane.path[0]}
    if wish.seed:
        arguments |= {"seed": wish.seed, "size": wish.seed_bytes}
    return Step(
        id=lane.id("make"),
        action="schema.make",
        target=f"{lane.service} {lane.path[0]}",
        arguments=arguments,
        needs=(configured, runner_id(lane.path[0], lane.name)),
        reason="the schema as its first release makes it, and what it holds",
        phase="prepare",
        expected_seconds=lane.expected(lane.id("make")),
    )
