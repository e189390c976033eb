"""Records of runs as the engine would have left them: data for the views."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from onward.engine.record import RunRecord, RunStatus, StepRecord
from onward.errors import MigrationFailed
from onward.plan.forward import EnvironmentChoice
from onward.plan.plan import Plan
from onward.plan.rehearsal import DemoSource, DumpSource, RehearsalWish, plan_rehearsal
from onward.plan.step import Step
from onward.plan.upgrade import UnitCommands, UpgradeWish, plan_upgrade

PATH = ("2024.1", "2024.2", "2025.1", "2025.2", "2026.1", "2026.2")
BEGUN = 1_764_000_000.0

SECONDS = {
    "environment.build": 31.4,
    "scratch.create": 0.1,
    "service.configure": 0.02,
    "service.adopt": 0.02,
    "identity.seed": 21.7,
    "scratch.load": 12.2,
    "runner.warm": 5.2,
    "identity.remember": 3.1,
    "census.take": 0.2,
    "service.check": 1.1,
    "cloud.check": 2.3,
    "database.migrate": 0.72,
    "census.compare": 0.21,
    "identity.prove": 6.4,
    "scratch.remove": 0.05,
    "unit.command": 1.5,
    "service.stopped": 0.3,
    "database.backup": 8.0,
}


def choices(path: tuple[str, ...]) -> dict[str, EnvironmentChoice]:
    return {
        series: EnvironmentChoice(
            series=series,
            version=f"{25 + number}.0.0",
            python="/usr/bin/python3.11",
            python_version="3.11.2",
            constraints={"kind": "official", "location": "", "digest": ""},
        )
        for number, series in enumerate(path)
    }


def rehearsal(*, path: tuple[str, ...] = PATH, cloud: str = "demo", demo: bool = True, keep: bool = False) -> Plan:
    return plan_rehearsal(
        RehearsalWish(
            cloud=cloud,
            service="keystone",
            path=path,
            source=DemoSource() if demo else DumpSource(path="/srv/keystone.sql.gz", size=1_000_000, modified=BEGUN),
            backend="sqlite" if demo else "mariadb",
            environments=choices(path),
            facts={"source": path[0]},
            keep=keep,
        )
    )


UNIT = UnitCommands(name="keystone/0", stop=("systemctl", "stop", "apache2"), start=("systemctl", "start", "apache2"))


def upgrade(
    *,
    path: tuple[str, ...] = PATH,
    durations: dict[str, float] | None = None,
    units: tuple[UnitCommands, ...] = (UNIT,),
) -> Plan:
    return plan_upgrade(
        UpgradeWish(
            cloud="production",
            service="keystone",
            path=path,
            configuration=("/etc/keystone/keystone.conf",),
            environments=choices(path),
            described={
                "cloud": "production",
                "services": {"keystone": {"configuration": ["/etc/keystone/keystone.conf"]}},
            },
            units=units,
            facts={"source": path[0]},
        ),
        durations,
    )


def evidence_of(step: Step) -> dict[str, Any]:  # noqa: PLR0911 - one return for each kind of step
    match step.action:
        case "environment.build":
            return {
                "environment": f"/var/cache/onward/environments/{step.arguments['series']}",
                "python": "/usr/bin/python3.11",
                "cached": step.arguments["series"] == "2024.2",
                "packages": 104,
                "seconds": 31.4,
            }
        case "runner.warm":
            return {"seconds": 5.1, "resident_mb": 96}
        case "identity.seed":
            return {
                "counts": {"domains": 10, "projects": 200, "users": 500},
                "requests": 2412,
                "api_start_seconds": 1.9,
            }
        case "database.migrate":
            return {
                "commands": [{"name": "db_sync", "exit_status": 0, "seconds": 0.6, "log": "logs/db_sync.log"}],
                "warnings": ["MovedIn20Warning: Deprecated API features detected! <see the log>"],
            }
        case "census.take":
            return {"tables": 47, "rows": 12034, "documented": [], "notes": [], "seconds": 0.2}
        case "census.compare":
            documented = ["table trust: dropped by 2025.1"] if step.arguments["series"] == "2025.1" else []
            return {"tables": 47, "rows": 12034, "documented": documented, "notes": [], "seconds": 0.2}
        case "service.check" | "cloud.check":
            return {
                "findings": [
                    {"name": "Check trust roles", "result": "pass", "details": ""},
                    {
                        "name": "Policy File JSON to YAML Migration",
                        "result": "warn",
                        "details": "policy.json is no longer read",
                    },
                    {"name": "Fernet keys", "result": "could-not-tell", "details": "the repository is not readable"},
                ]
            }
        case "identity.prove":
            return {
                "checks": [
                    {"name": "logins with the old password succeed", "passed": 500, "total": 500},
                    {"name": "application credentials work", "passed": 20, "total": 20},
                    {"name": "tokens from before still validate", "passed": 25, "total": 25},
                    {"name": "listings are the same", "passed": 14, "total": 14},
                ],
                "differences": [],
                "api_start_seconds": 1.4,
            }
    return {}


def run_of(
    plan: Plan, *, run_id: str = "keystone-7f3a", evidence: Callable[[Step], dict[str, Any]] = evidence_of
) -> RunRecord:
    """A run of the plan that came to its end, its pools kept."""
    finished: dict[str, float] = {}
    free: dict[str, list[float]] = {}
    records = []
    for number, step in enumerate(plan.steps):
        begin = max([BEGUN, *(finished[need] + 0.03 for need in step.needs)])
        lanes = free.setdefault(step.pool or step.id, [BEGUN] * (plan.limits.get(step.pool or "", 1)))
        lane = lanes.index(min(lanes))
        begin = max(begin, lanes[lane])
        end = begin + SECONDS[step.action] * (1 + number % 3 / 10)
        lanes[lane] = finished[step.id] = end
        records.append(StepRecord(step, "done", begin, end, 1, evidence(step)))
    return RunRecord(run_id, plan, "done", BEGUN - 0.4, max(finished.values()), tuple(records))


def stopped_at(record: RunRecord, step_id: str, status: RunStatus) -> RunRecord:
    """The same run as it was when this step began: failed, paused before it, or interrupted in it."""
    began = record.step(step_id).started or BEGUN
    steps = []
    for each in record.steps:
        if each.step.id == step_id and status == "failed":
            failed = replace(each, status="failed", evidence=None, error=failure(record.run_id))
            steps.append(failed)
        elif each.step.id == step_id and status in ("interrupted", "running"):
            steps.append(replace(each, status="running", finished=None, evidence=None))
        elif each.finished is not None and each.finished <= began:
            steps.append(each)
        else:
            steps.append(StepRecord(each.step, "waiting"))
    finished = record.step(step_id).finished if status == "failed" else None
    return replace(record, status=status, finished=finished, steps=tuple(steps))


def failure(run_id: str) -> dict[str, Any]:
    return MigrationFailed(
        "keystone-manage db_sync of 2026.2 ended with exit status 1.",
        evidence="sqlalchemy.exc.OperationalError: <script>alert(1)</script>\n"
        "ValueError: No such constraint: 'access_rule_external_id_key'",
        state="The copy is left as that command left it: between 2026.1 and 2026.2.",
        next_command=f"onward runs resume {run_id}",
    ).as_data()
