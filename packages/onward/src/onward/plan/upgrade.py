"""Plans a fast-forward upgrade in place: one outage, all migrations offline, a backup before them."""

from collections.abc import Mapping

from pydantic import Field, JsonValue

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
from onward.plan.step import Frozen, Step

UNIT_POOL = "unit"


class UnitCommands(Frozen):
    """A unit that is stopped and started; either command may be the operator's own work."""

    name: str
    stop: tuple[str, ...] = ()
    start: tuple[str, ...] = ()


class UpgradeWish(Frozen):
    """What the operator asked for, with everything that was found out beforehand."""

    cloud: str
    service: str
    path: tuple[str, ...] = Field(min_length=2)
    configuration: tuple[str, ...] = Field(min_length=1)
    environments: dict[str, EnvironmentChoice]
    described: dict[str, JsonValue] = Field(description="The cloud file, for the checks before the outage")
    units: tuple[UnitCommands, ...] = ()
    facts: dict[str, JsonValue]
    parallel: int = Field(default=2, ge=1)


def plan_upgrade(wish: UpgradeWish, durations: Mapping[str, float] | None = None) -> Plan:
    """The plan of an upgrade in place. Pure: the same wish and durations give the same plan, byte for byte."""
    lane = Lane(wish.service, wish.path, wish.environments, durations or {})
    source, target = wish.path[0], wish.path[-1]
    ahead = wish.path[1:]
    adopt = Step(
        id="configure",
        action="service.adopt",
        target=wish.service,
        arguments={"service": wish.service, "configuration": list(wish.configuration)},
        reason="the migrations read the cloud's own configuration",
        phase="prepare",
    )
    gate = _gate_step(wish, (adopt.id, *(runner_id(series) for series in ahead)))
    prepared = (gate.id,)
    stops = [_unit_step(wish, unit.name, "stop", unit.stop, prepared) for unit in wish.units if unit.stop]
    stopped = Step(
        id="stopped",
        action="service.stopped",
        target=wish.service,
        arguments={"service": wish.service},
        needs=tuple(step.id for step in stops) or prepared,
        reason="old code must not write while the schema changes under it",
        phase="outage",
    )
    backup = Step(
        id="backup",
        action="database.backup",
        target=f"{wish.service} database",
        arguments={"service": wish.service},
        needs=(stopped.id,),
        reason="the way back, should a migration fail",
        phase="outage",
        expected_seconds=lane.expected("backup"),
    )
    baseline = baseline_step(lane, (stopped.id,), phase="outage")
    migrations = migration_steps(lane, (backup.id, baseline.id), census_each=False, reversible=False)
    starts = [
        _unit_step(wish, unit.name, "start", unit.start, (census_id(target),)) for unit in wish.units if unit.start
    ]
    steps = [
        *environment_steps(lane, ahead),
        adopt,
        *runner_steps(lane, ahead),
        gate,
        *stops,
        stopped,
        backup,
        baseline,
        *migrations,
        *starts,
    ]
    return Plan(
        kind="upgrade",
        cloud=wish.cloud,
        service=wish.service,
        path=(source, *ahead),
        facts=wish.facts,
        limits={BUILD_POOL: wish.parallel, WARM_POOL: wish.parallel, UNIT_POOL: 8},
        steps=tuple(in_order(steps)),
    ).sealed()


def _gate_step(wish: UpgradeWish, needs: tuple[str, ...]) -> Step:
    return Step(
        id="gate",
        action="cloud.check",
        target=f"cloud {wish.cloud}",
        arguments={"service": wish.service, "path": list(wish.path), "cloud": wish.described},
        needs=needs,
        reason="nothing is stopped before every check has passed, or was waived by name",
        phase="prepare",
    )


def _unit_step(wish: UpgradeWish, unit: str, verb: str, argv: tuple[str, ...], needs: tuple[str, ...]) -> Step:
    return Step(
        id=f"{verb}/{unit}",
        action="unit.command",
        target=unit,
        arguments={"unit": unit, "verb": verb, "argv": list(argv)},
        needs=needs,
        reason=f"{verb} {unit} with the command that the cloud file gives",
        phase="outage",
        pool=UNIT_POOL,
    )
