"""Runs of real plans with made-up times: the real scheduler gives out the steps, on a clock that only counts."""

from collections.abc import Callable, Mapping

from bundles import wish

from onward.engine.journal import Journal
from onward.engine.schedule import Schedule
from onward.hosts.state import Directories
from onward.plan.deployment.planner import plan_deployment
from onward.plan.plan import Plan
from onward.timings.run import RunTimes, StepTime

BEGUN = 1_764_000_000.0
BUNDLE = """\
name: demo
applications:
  mariadb:
  memcached: {num_units: 3}
  keystone: {channel: "2025.1", num_units: 3}
  haproxy:
relations:
  - [keystone:shared-db, mariadb:shared-db]
  - [keystone, memcached]
  - [haproxy, keystone]
"""


def deployment(bundle: str = BUNDLE) -> Plan:
    return plan_deployment(wish(bundle))


def intervals(plan: Plan, seconds: Mapping[str, float], at_once: int = 4) -> dict[str, tuple[float, float]]:
    """When each step begins and ends, where nothing takes time but the steps."""
    schedule, ends, found, now = Schedule(plan, at_once), dict[str, float](), dict[str, tuple[float, float]](), BEGUN
    while not schedule.finished:
        while (step := schedule.begin_next()) is not None:
            ends[step.id] = now + seconds[step.id]
            found[step.id] = (now, ends[step.id])
        first = min(ends, key=lambda name: ends[name])
        now = ends.pop(first)
        schedule.succeeded(first)
    return found


def times(
    plan: Plan, seconds: Mapping[str, float], *, run: str = "run", at_once: int = 4, built: bool = False
) -> RunTimes:
    placed = intervals(plan, seconds, at_once)
    return RunTimes(
        run=run,
        kind=plan.kind,
        cloud=plan.cloud,
        begun=BEGUN,
        steps=tuple(
            StepTime(
                id=step.id,
                action=step.action,
                target=step.target,
                needs=step.needs,
                began=placed[step.id][0],
                ended=placed[step.id][1],
                built=built and step.action == "application.environment",
            )
            for step in plan.steps
        ),
    )


def journaled(
    directories: Directories, run: str, plan: Plan, seconds: Callable[[str], float], *, status: str = "done"
) -> str:
    """Write a run into the journal as the engine does."""
    with Journal(directories.journal) as journal:
        journal.add_run(run, plan.to_json())
        journal.tell(run, "run.started", at=BEGUN)
        for step, (began, ended) in intervals(plan, {each.id: seconds(each.id) for each in plan.steps}).items():
            journal.tell(run, "step.started", step, at=began)
            journal.tell(run, "step.done", step, {"evidence": {"cached": True}}, at=ended)
        journal.tell(run, f"run.{status}")
    return run
