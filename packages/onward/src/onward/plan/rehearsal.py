"""Plans a rehearsal: the whole upgrade on a copy, proved at both ends."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, JsonValue

from onward.plan.forward import (
    BUILD_POOL,
    WARM_POOL,
    EnvironmentChoice,
    Lane,
    baseline_step,
    census_id,
    check_step,
    environment_steps,
    migration_steps,
    runner_id,
    runner_steps,
)
from onward.plan.plan import Plan, in_order
from onward.plan.step import Frozen, Step


class DemoSource(Frozen):
    """A new cloud, filled through its own API."""

    kind: Literal["demo"] = "demo"
    size: Literal["demo", "small"] = "demo"


class DumpSource(Frozen):
    """A dump file."""

    kind: Literal["dump"] = "dump"
    path: str
    size: int = Field(description="Bytes of the file; a different size later means another dump")
    modified: float = Field(description="Its time of modification, seconds since the epoch")


class CopySource(Frozen):
    """A live database, read once and never written to."""

    kind: Literal["copy"] = "copy"
    shown: str = Field(description="Its URL without the password")
    configuration: tuple[str, ...] = Field(default=(), description="Configuration files that hold the URL")


Source = Annotated[DemoSource | DumpSource | CopySource, Field(discriminator="kind")]


class RehearsalWish(Frozen):
    """What the operator asked for, with everything that was found out beforehand."""

    cloud: str
    service: str
    path: tuple[str, ...] = Field(min_length=2)
    source: Source
    backend: Literal["sqlite", "mariadb", "named"]
    scratch_url: str | None = Field(default=None, description="Of a scratch server named by the user; no password")
    environments: dict[str, EnvironmentChoice]
    facts: dict[str, JsonValue]
    parallel: int = Field(default=2, ge=1, description="How many environments are built, and runners warmed, at once")
    keep: bool = Field(default=False, description="Leave the copy in place afterwards")


def plan_rehearsal(wish: RehearsalWish, durations: Mapping[str, float] | None = None) -> Plan:
    """The plan of a rehearsal. Pure: the same wish and durations give the same plan, byte for byte."""
    lane = Lane(wish.service, wish.path, wish.environments, durations or {})
    steps = proved_lane(lane, wish.source, wish.backend, wish.scratch_url)
    if not wish.keep:
        steps.append(removal_step((steps[-1].id,)))
    return Plan(
        kind="rehearsal",
        cloud=wish.cloud,
        service=wish.service,
        path=wish.path,
        facts=wish.facts,
        limits={BUILD_POOL: wish.parallel, WARM_POOL: wish.parallel},
        steps=tuple(in_order(steps)),
    ).sealed()


def proved_lane(lane: Lane, source: Source, backend: str, scratch_url: str | None = None) -> list[Step]:
    """Keystone's way through the series on a copy, proved by its API at both ends; the proof is the last step."""
    first, target = lane.path[0], lane.path[-1]
    fill = _fill(source, lane)
    remember = Step(
        id=lane.id("remember"),
        action="identity.remember",
        target=f"{lane.service} {first}",
        arguments={"service": lane.service, "series": first, "logins": source.kind == "demo"},
        needs=(fill.id, lane.id("configure"), runner_id(first, lane.name)),
        reason="keep what the old release answers, to hold the new one against it",
        phase="prepare",
        expected_seconds=lane.expected(lane.id("remember")),
    )
    check = check_step(lane, (remember.id,))
    ready = (census_id(first, lane.name), check.id, *(runner_id(series, lane.name) for series in lane.path))
    prove = Step(
        id=lane.id("prove"),
        action="identity.prove",
        target=f"{lane.service} {target}",
        arguments={"service": lane.service, "series": target, **lane.own_path},
        needs=(census_id(target, lane.name),),
        reason="the new release must answer as the old one did",
        phase="proof",
        expected_seconds=lane.expected(lane.id("prove")),
    )
    configure = Step(
        id=lane.id("configure"),
        action="service.configure",
        target=lane.service,
        arguments={"service": lane.service, "quick_passwords": source.kind == "demo"},
        needs=(lane.id("scratch"),),
        reason=f"{lane.service} must see the copy, never the cloud",
        phase="prepare",
    )
    return [
        *environment_steps(lane, lane.path),
        scratch_step(lane, backend, scratch_url),
        configure,
        *runner_steps(lane, lane.path),
        fill,
        remember,
        baseline_step(lane, (remember.id,)),
        check,
        *migration_steps(lane, ready, census_each=True, reversible=True),
        prove,
    ]


def removal_step(needs: tuple[str, ...]) -> Step:
    """The step that leaves nothing of the copy."""
    return Step(
        id="scratch/remove",
        action="scratch.remove",
        target="scratch database",
        needs=needs,
        reason="the copy has served its purpose",
        phase="cleanup",
    )


def scratch_step(lane: Lane, backend: str, url: str | None = None) -> Step:
    """The empty copy."""
    arguments: dict[str, JsonValue] = {"service": lane.service, "backend": backend}
    if url is not None:
        arguments["url"] = url
    return Step(
        id=lane.id("scratch"),
        action="scratch.create",
        target="scratch database",
        arguments=arguments,
        reason="the rehearsal writes here and nowhere else",
        phase="prepare",
    )


def _fill(source: Source, lane: Lane) -> Step:
    """The step that puts data into the copy."""
    match source:
        case DemoSource(size=size):
            return Step(
                id=lane.id("seed"),
                action="identity.seed",
                target=f"{lane.service} {lane.path[0]}",
                arguments={"service": lane.service, "series": lane.path[0], "size": size},
                needs=(lane.id("scratch"), lane.id("configure"), runner_id(lane.path[0], lane.name)),
                reason="a cloud worth upgrading, made through the service's own API",
                phase="prepare",
                expected_seconds=lane.expected(lane.id("seed")),
            )
        case DumpSource() as dump:
            return Step(
                id=lane.id("load"),
                action="scratch.load",
                target="scratch database",
                arguments={
                    "service": lane.service,
                    "dump": dump.path,
                    "size": dump.size,
                    "modified": dump.modified,
                },
                needs=(lane.id("scratch"),),
                reason="the copy holds what the dump holds",
                phase="prepare",
                expected_seconds=lane.expected(lane.id("load")),
            )
        case CopySource() as copy:
            return copy_step(lane, copy)


def copy_step(lane: Lane, copy: CopySource) -> Step:
    """The copy of a live database, or of all that a service has."""
    source: dict[str, JsonValue] = {"url": copy.shown}
    if copy.configuration:
        source = {"configuration": list(copy.configuration)}
    return Step(
        id=lane.id("copy"),
        action="scratch.copy",
        target="scratch database",
        arguments={"service": lane.service, "source": source},
        needs=(lane.id("scratch"),),
        reason="a consistent copy of the live database, which is only read",
        phase="prepare",
        expected_seconds=lane.expected(lane.id("copy")),
    )
