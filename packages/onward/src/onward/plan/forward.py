"""The steps that every way forward shares: environments, warm runners, migrations series by series."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field, JsonValue

from onward.catalog.service import Driver
from onward.model.container import ContainerImage
from onward.plan.step import Frozen, Step

BUILD_POOL = "build"
WARM_POOL = "warm"


class EnvironmentChoice(Frozen):
    """How the environment of one series is to be built. Chosen before planning, so that the plan says it all."""

    series: str
    version: str
    python: str
    python_version: str
    constraints: dict[str, JsonValue]
    also: tuple[Driver, ...] = Field(default=(), description="Further packages, such as the client of a cache")
    image: ContainerImage | None = Field(default=None, description="What is run instead; nothing is built then")

    def as_arguments(self) -> dict[str, JsonValue]:
        """Its fields as JSON data, without what is as usual."""
        return self.model_dump(mode="json", exclude_defaults=True)


@dataclass(frozen=True)
class Lane:
    """One service's way through the series: what the migration steps need to know."""

    service: str
    path: tuple[str, ...]
    environments: Mapping[str, EnvironmentChoice]
    durations: Mapping[str, float]
    """Seconds that a step took in an earlier run of the same kind, by step id."""
    name: str = ""
    """Tells its steps from those of other lanes of the plan: the service's; empty where there is one lane."""

    def id(self, *words: str) -> str:
        """Identifier of a step: ``migrate/2026.1``, among several lanes ``migrate/nova/2026.1``."""
        return step_of(self.name, *words)

    @property
    def own_path(self) -> dict[str, JsonValue]:
        """What a step is told of the lane's path, where the plan's is not that of every lane."""
        return {"path": list(self.path)} if self.name else {}

    def expected(self, step_id: str) -> float | None:
        """How long the step took before."""
        return self.durations.get(step_id)


def step_of(lane: str, kind: str, *more: str) -> str:
    """Identifier of a step of a lane; the lane's name is empty where the plan has no other."""
    return "/".join((kind, *((lane,) if lane else ()), *more))


def environment_id(series: str, lane: str = "") -> str:
    """Identifier of the step that builds the environment of a series."""
    return step_of(lane, "environment", series)


def runner_id(series: str, lane: str = "") -> str:
    """Identifier of the step that warms the runner of a series."""
    return step_of(lane, "runner", series)


def migrate_id(series: str, lane: str = "") -> str:
    """Identifier of the step that migrates the database to a series."""
    return step_of(lane, "migrate", series)


def census_id(series: str, lane: str = "") -> str:
    """Identifier of the step that counts the rows when the database is at a series."""
    return step_of(lane, "census", series)


def environment_steps(lane: Lane, series: tuple[str, ...]) -> list[Step]:
    """One build for each series; they need nothing and run side by side."""
    return [
        Step(
            id=environment_id(each, lane.name),
            action="environment.build",
            target=f"{lane.service} {lane.environments[each].version}",
            arguments={"service": lane.service, **lane.environments[each].as_arguments()},
            reason=f"{lane.service} of {each} needs an environment of its own",
            phase="prepare",
            retries=1,  # The package index may have been unreachable for a moment, and nothing else is touched.
            pool=BUILD_POOL,
            expected_seconds=lane.expected(environment_id(each, lane.name)),
        )
        for each in series
    ]


def runner_steps(lane: Lane, series: tuple[str, ...]) -> list[Step]:
    """One warm runner for each series, so that the outage holds SQL and not imports."""
    return [
        Step(
            id=runner_id(each, lane.name),
            action="runner.warm",
            target=f"{lane.service} {each}",
            arguments={"service": lane.service, "series": each},
            needs=(environment_id(each, lane.name),),
            reason="importing the release's code now keeps it out of the outage",
            phase="prepare",
            retries=1,
            pool=WARM_POOL,
            expected_seconds=lane.expected(runner_id(each, lane.name)),
        )
        for each in series
    ]


def migration_steps(lane: Lane, ready: tuple[str, ...], *, census_each: bool, reversible: bool) -> list[Step]:
    """Migrate to each series after the first, one after the other.

    ``ready`` are the steps that must be done before the first migration. With ``census_each`` the rows are
    compared after every series, otherwise once, after the last.
    """
    source = lane.path[0]
    steps: list[Step] = []
    needs = ready
    for series in lane.path[1:]:
        steps.append(
            Step(
                id=migrate_id(series, lane.name),
                action="database.migrate",
                target=f"{lane.service} database",
                arguments={"service": lane.service, "series": series, **lane.own_path},
                needs=needs,
                reason=f"take the schema to {series} with that release's own code",
                phase="outage",
                reversible=reversible,
                expected_seconds=lane.expected(migrate_id(series, lane.name)),
            )
        )
        needs = (migrate_id(series, lane.name),)
        if census_each or series == lane.path[-1]:
            steps.append(
                Step(
                    id=census_id(series, lane.name),
                    action="census.compare",
                    target=f"{lane.service} database",
                    arguments={
                        "service": lane.service,
                        "series": series,
                        "baseline": census_id(source, lane.name),
                        **lane.own_path,
                    },
                    needs=needs,
                    reason="every row that was there must be there still, with the same values",
                    phase="outage",
                    expected_seconds=lane.expected(census_id(series, lane.name)),
                )
            )
            needs = (census_id(series, lane.name),)
    return steps


def baseline_step(lane: Lane, needs: tuple[str, ...], phase: str = "prepare") -> Step:
    """The census that all later ones are compared with."""
    source = lane.path[0]
    return Step.model_validate(
        {
            "id": census_id(source, lane.name),
            "action": "census.take",
            "target": f"{lane.service} database",
            "arguments": {"service": lane.service, "series": source},
            "needs": needs,
            "reason": "remember what is in the database before anything is migrated",
            "phase": phase,
            "expected_seconds": lane.expected(census_id(source, lane.name)),
        }
    )


def check_step(lane: Lane, needs: tuple[str, ...]) -> Step:
    """The service's own upgrade checks, run with the target's code."""
    target = lane.path[-1]
    return Step(
        id=lane.id("check", target),
        action="service.check",
        target=f"{lane.service} {target}",
        arguments={"service": lane.service, "series": target},
        needs=(runner_id(target, lane.name), *needs),
        reason="the target release knows best what it cannot take over",
        phase="prepare",
        expected_seconds=lane.expected(lane.id("check", target)),
    )
