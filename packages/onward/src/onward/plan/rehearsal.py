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
    source, target = wish.path[0], wish.path[-1]
    fill = _fill(wish, lane)
    remember = Step(
        id="remember",
        action="identity.remember",
        target=f"{wish.service} {source}",
        arguments={"service": wish.service, "series": source, "logins": wish.source.kind == "demo"},
        needs=(fill.id, "configure", runner_id(source)),
        reason="keep what the old release answers, to hold the new one against it",
        phase="prepare",
        expected_seconds=lane.expected("remember"),
    )
    ready = (census_id(source), f"check/{target}", *(runner_id(series) for series in wish.path))
    prove = Step(
        id="prove",
        action="identity.prove",
        target=f"{wish.service} {target}",
        arguments={"service": wish.service, "series": target},
        needs=(census_id(target),),
        reason="the new release must answer as the old one did",
        phase="proof",
        expected_seconds=lane.expected("prove"),
    )
    steps = [
        *environment_steps(lane, wish.path),
        *_scratch(wish),
        *runner_steps(lane, wish.path),
        fill,
        remember,
        baseline_step(lane, (remember.id,)),
        check_step(lane, (remember.id,)),
        *migration_steps(lane, ready, census_each=True, reversible=True),
        prove,
    ]
    if not wish.keep:
        steps.append(
            Step(
                id="scratch/remove",
                action="scratch.remove",
                target="scratch database",
                needs=(prove.id,),
                reason="the copy has served its purpose",
                phase="cleanup",
            )
        )
    return Plan(
        kind="rehearsal",
        cloud=wish.cloud,
        service=wish.service,
        path=wish.path,
        facts=wish.facts,
        limits={BUILD_POOL: wish.parallel, WARM_POOL: wish.parallel},
        steps=tuple(in_order(steps)),
    ).sealed()


def _scratch(wish: RehearsalWish) -> list[Step]:
    """The empty copy, and the configuration that points the service at it and nowhere else."""
    arguments: dict[str, JsonValue] = {"service": wish.service, "backend": wish.backend}
    if wish.scratch_url is not None:
        arguments["url"] = wish.scratch_url
    return [
        Step(
            id="scratch",
            action="scratch.create",
            target="scratch database",
            arguments=arguments,
            reason="the rehearsal writes here and nowhere else",
            phase="prepare",
        ),
        Step(
            id="configure",
            action="service.configure",
            target=wish.service,
            arguments={"service": wish.service, "quick_passwords": wish.source.kind == "demo"},
            needs=("scratch",),
            reason=f"{wish.service} must see the copy, never the cloud",
            phase="prepare",
        ),
    ]


def _fill(wish: RehearsalWish, lane: Lane) -> Step:
    """The step that puts data into the copy."""
    match wish.source:
        case DemoSource(size=size):
            return Step(
                id="seed",
                action="identity.seed",
                target=f"{wish.service} {wish.path[0]}",
                arguments={"service": wish.service, "series": wish.path[0], "size": size},
                needs=("scratch", "configure", runner_id(wish.path[0])),
                reason="a cloud worth upgrading, made through the service's own API",
                phase="prepare",
                expected_seconds=lane.expected("seed"),
            )
        case DumpSource() as dump:
            return Step(
                id="load",
                action="scratch.load",
                target="scratch database",
                arguments={
                    "service": wish.service,
                    "dump": dump.path,
                    "size": dump.size,
                    "modified": dump.modified,
                },
                needs=("scratch",),
                reason="the copy holds what the dump holds",
                phase="prepare",
                expected_seconds=lane.expected("load"),
            )
        case CopySource() as copy:
            source: dict[str, JsonValue] = {"url": copy.shown}
            if copy.configuration:
                source = {"configuration": list(copy.configuration)}
            return Step(
                id="copy",
                action="scratch.copy",
                target="scratch database",
                arguments={"service": wish.service, "source": source},
                needs=("scratch",),
                reason="a consistent copy of the live database, which is only read",
                phase="prepare",
                expected_seconds=lane.expected("copy"),
            )
