"""A step: the smallest thing a run begins, finishes and remembers."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SerializerFunctionWrapHandler, model_serializer

Phase = Literal["prepare", "deploy", "outage", "proof", "cleanup"]

WAIT_POOL = "wait"
"""Steps of this pool only wait, such as for processes to end: they take no place from those that work."""


class Frozen(BaseModel):
    """Base of all plan data: immutable, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(Frozen):
    """One thing to do, as pure data. Two steps with the same fields mean the same thing."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9./_-]*$", description="Unique within its plan, stable between plans")
    action: str = Field(description="Name of the action that carries it out, such as database.migrate")
    target: str = Field(description="What it acts on: a service, a series, a database")
    arguments: dict[str, JsonValue] = Field(default_factory=dict, description="What the action needs to know")
    needs: tuple[str, ...] = Field(default=(), description="Steps that must have finished before")
    reason: str = Field(description="One sentence: why this step is in the plan")
    phase: Phase = Field(
        description="prepare: service still up; deploy: units are made; outage: service down; proof, cleanup: after"
    )
    reversible: bool = Field(default=True, description="False where only a backup brings the old state back")
    retries: int = Field(
        default=0, ge=0, le=10, description="Further attempts, only where repeating is known to be safe"
    )
    pool: str | None = Field(default=None, description="Steps of one pool share its limit of running at once")
    expected_seconds: float | None = Field(default=None, ge=0, description="From an earlier run, where there was one")
    machine: str | None = Field(default=None, description="Where it is done: a machine of the bundle; none: this one")

    @model_serializer(mode="wrap")
    def _as_ever(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Plans that name no other machine look, and are sealed, as they were before there were any."""
        data: dict[str, Any] = handler(self)
        if self.machine is None:
            data.pop("machine", None)
        return data
