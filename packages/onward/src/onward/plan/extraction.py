"""Plans how a service gets a database of its own out of another one's, on a copy, and goes on from there. Pure."""

from collections.abc import Mapping

from pydantic import Field, JsonValue

from onward.catalog.service import Extraction
from onward.plan.forward import (
    BUILD_POOL,
    WARM_POOL,
    EnvironmentChoice,
    Lane,
    baseline_step,
    census_id,
    environment_steps,
    migration_steps,
    runner_id,
    runner_steps,
)
from onward.plan.plan import Plan, in_order
from onward.plan.rehearsal import DumpSource, removal_step, scratch_step
from onward.plan.step import Frozen, Step


class ExtractionWish(Frozen):
    """What the operator asked for, with everything that was found out beforehand."""

    cloud: str
    service: str
    path: tuple[str, ...] = Field(min_length=2, description="From the series that the other service is at")
    extraction: Extraction
    dump: DumpSource
    environments: dict[str, EnvironmentChoice]
    facts: dict[str, JsonValue]
    parallel: int = Field(default=2, ge=1)
    keep: bool = False


def plan_extraction(wish: ExtractionWish, durations: Mapping[str, float] | None = None) -> Plan:
    """The plan of it. The same wish and durations give the same plan, byte for byte."""
    lane = Lane(wish.service, wish.path, wish.environments, durations or {})
    source, target, taking = wish.path[0], wish.path[-1], wish.extraction.taken_by
    used = tuple(dict.fromkeys((taking, *wish.path[1:])))
    place: dict[str, JsonValue] = {"database": wish.extraction.database, "tables": list(wish.extraction.tables)}
    load = Step(
        id="load",
        action="scratch.load",
        target=f"{wish.extraction.owner} database",
        arguments={
            "service": wish.service,
            "dump": wish.dump.path,
            "size": wish.dump.size,
            "modified": wish.dump.modified,
            "database": wish.extraction.database,
        },
        needs=("scratch",),
        reason="the copy holds what the dump holds",
        phase="prepare",
        expected_seconds=lane.expected("load"),
    )
    baseline = baseline_step(lane, (load.id,))
    baseline = baseline.model_copy(update={"arguments": {**baseline.arguments, **place}})
    extract = Step(
        id="copy",
        action="tables.extract",
        target=f"{wish.service} database",
        arguments={"service": wish.service, **place},
        needs=(baseline.id, *(runner_id(series) for series in used)),
        reason=f"{wish.service} gets a database of its own: its tables leave {wish.extraction.database}",
        phase="outage",
        expected_seconds=lane.expected("copy"),
    )
    configure = Step(
        id="configure",
        action="copy.configure",
        target=wish.service,
        arguments={"service": wish.service},
        needs=(extract.id,),
        reason=f"{wish.service} must see the copy, never the cloud",
        phase="outage",
    )
    take_over = Step(
        id="take-over",
        action="tables.take-over",
        target=f"{wish.service} {taking}",
        arguments={"service": wish.service, "series": taking},
        needs=(configure.id,),
        reason=f"{taking} knows these tables as they were, and completes what later releases refuse",
        phase="outage",
        expected_seconds=lane.expected("take-over"),
    )
    migrations = migration_steps(lane, (take_over.id,), census_each=False, reversible=True)
    check = Step(
        id=f"check/{target}",
        action="service.check",
        target=f"{wish.service} {target}",
        arguments={"service": wish.service, "series": target},
        needs=(census_id(target),),
        reason="the target release knows best whether it can start from this",
        phase="proof",
        expected_seconds=lane.expected(f"check/{target}"),
    )
    steps = [
        *environment_steps(lane, used),
        scratch_step(lane, "mariadb"),
        *runner_steps(lane, used),
        load,
        baseline,
        extract,
        configure,
        take_over,
        *migrations,
        check,
    ]
    if not wish.keep:
        steps.append(removal_step((check.id,)))
    return Plan(
        kind="rehearsal",
        cloud=wish.cloud,
        service=wish.service,
        path=(source, *wish.path[1:]),
        facts=wish.facts,
        limits={BUILD_POOL: wish.parallel, WARM_POOL: wish.parallel},
        steps=tuple(in_order(steps)),
    ).sealed()
