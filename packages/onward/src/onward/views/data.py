"""A run as JSON: what the report says, for programs. The format is versioned, and its keys keep their order."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from onward.engine.record import RunRecord, RunStatus, StepRecord, StepStatus
from onward.plan.plan import Kind
from onward.plan.step import Phase
from onward.views.summary import (
    Level,
    Tone,
    environments_of,
    findings_of,
    outage_of,
    prediction_of,
    proof_of,
)
from onward.views.verdict import next_command, verdict_of

FORMAT: Literal[1] = 1


class Data(BaseModel):
    """Base of all that the JSON holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class VerdictData(Data):
    """How the run ended, in words."""

    tone: Tone
    sentence: str
    details: tuple[str, ...]


class WaiverData(Data):
    """A finding that somebody decided shall not stop the run. The time is ISO 8601 in UTC."""

    name: str
    reason: str
    by: str
    at: str


class RunData(Data):
    """The run and the plan it carries out. Times are ISO 8601 in UTC."""

    id: str
    kind: Kind
    status: RunStatus
    cloud: str
    service: str
    path: tuple[str, ...] = Field(description="Series from source to target; empty for a deployment")
    plan_digest: str
    onward_version: str
    waivers: tuple[WaiverData, ...] = Field(description="What its checks were not to stop it for")
    created: str
    finished: str | None
    seconds: float | None


class PartData(Data):
    """One part of a predicted outage."""

    label: str
    seconds: float
    share: float = Field(description="Fraction of the whole, 0 to 1")


class PredictionData(Data):
    """The outage to expect in production."""

    outage_seconds: float
    parts: tuple[PartData, ...]
    dominates: str
    notes: tuple[str, ...] = Field(description="What is not included, and what is assumed")


class OutageData(Data):
    """The outage phase of this run as it was measured."""

    started: float = Field(description="Seconds since the epoch")
    seconds: float
    idle: float = Field(description="Seconds of it during which no step ran")
    over: bool


class FindingData(Data):
    """Something that was found, and by which steps."""

    level: Level
    name: str
    details: str
    steps: tuple[str, ...]


class ProofData(Data):
    """One thing that was asked of the old and of the new release."""

    name: str
    passed: int
    total: int


class EnvironmentData(Data):
    """How the environment of one series was made."""

    series: str
    version: str
    python_version: str
    constraints: str
    packages: int | None
    cached: bool | None
    seconds: float | None


class StepData(Data):
    """A step and what became of it. Times are seconds since the epoch."""

    id: str
    action: str
    target: str
    phase: Phase
    reason: str
    reversible: bool
    needs: tuple[str, ...]
    status: StepStatus
    started: float | None
    finished: float | None
    seconds: float | None
    attempts: int
    evidence: dict[str, JsonValue] | None
    error: dict[str, JsonValue] | None = Field(description="code, exit_status, what, evidence, state, next_command")


class ReportData(Data):
    """A run as data."""

    format: Literal[1] = FORMAT
    run: RunData
    verdict: VerdictData
    next_command: str
    prediction: PredictionData | None = Field(description="null where the run has not measured every migration")
    outage: OutageData | None = Field(description="null where the outage has not begun")
    findings: tuple[FindingData, ...]
    proof: tuple[ProofData, ...]
    environments: tuple[EnvironmentData, ...]
    steps: tuple[StepData, ...]


def report_data(record: RunRecord) -> ReportData:
    """Everything that the report says of a run."""
    plan = record.plan
    prediction, outage = prediction_of(record), outage_of(record)
    return ReportData.model_validate(
        {
            "run": {
                "id": record.run_id,
                "kind": plan.kind,
                "status": record.status,
                "cloud": plan.cloud,
                "service": plan.service,
                "path": plan.path,
                "plan_digest": plan.digest,
                "onward_version": plan.onward_version,
                "waivers": tuple({**asdict(waived), "at": _in_utc(waived.at)} for waived in record.waivers),
                "created": _in_utc(record.created),
                "finished": None if record.finished is None else _in_utc(record.finished),
                "seconds": None if record.finished is None else record.finished - record.created,
            },
            "verdict": asdict(verdict_of(record)),
            "next_command": next_command(record),
            "prediction": None if prediction is None else asdict(prediction),
            "outage": None if outage is None else asdict(outage),
            "findings": tuple(asdict(finding) for finding in findings_of(record)),
            "proof": tuple(asdict(check) for check in proof_of(record)),
            "environments": tuple(asdict(fact) for fact in environments_of(record)),
            "steps": tuple(_step(each) for each in record.steps),
        }
    )


def to_json(record: RunRecord) -> str:
    """The run as indented JSON of format 1, ending in a newline."""
    return json.dumps(report_data(record).model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """The JSON schema of :func:`to_json`."""
    return ReportData.model_json_schema()


def _step(record: StepRecord) -> dict[str, Any]:
    step = record.step
    return {
        "id": step.id,
        "action": step.action,
        "target": step.target,
        "phase": step.phase,
        "reason": step.reason,
        "reversible": step.reversible,
        "needs": step.needs,
        "status": record.status,
        "started": record.started,
        "finished": record.finished,
        "seconds": record.seconds,
        "attempts": record.attempts,
        "evidence": record.evidence,
        "error": record.error,
    }


def _in_utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
