"""A plan: a directed acyclic graph of steps, with the facts it was computed from."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field, JsonValue, ValidationError, model_validator

from onward import __version__
from onward.errors import PlanEdited, PlanUnreadable
from onward.plan.step import Frozen, Step

FORMAT: Literal[1] = 1
Kind = Literal["rehearsal", "upgrade", "restore", "deployment", "removal", "trial", "restart", "role"]


def digest_of(data: object) -> str:
    """SHA-256 over the canonical JSON of ``data``, as ``sha256:`` and 64 hexadecimal digits."""
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


class Plan(Frozen):
    """What will be done, exactly. Saved, reviewed, and applied only while its facts still hold."""

    format: Literal[1] = FORMAT
    onward_version: str = Field(default=__version__, description="The version that planned it, and must run it")
    kind: Kind
    cloud: str = Field(description="Name of the cloud or model; one run at a time for each")
    service: str = Field(
        default="", description="The service that is taken forward; empty for a deployment, and a rehearsal of several"
    )
    path: tuple[str, ...] = Field(
        default=(), description="Series identifiers from source to target, both included; empty for a deployment"
    )
    facts: dict[str, JsonValue] = Field(description="What was observed, and the plan depends on; never a secret")
    limits: dict[str, int] = Field(default_factory=dict, description="For each pool, how many steps may run at once")
    steps: tuple[Step, ...]
    digest: str = Field(default="", description="SHA-256 over everything else in the plan")

    @model_validator(mode="after")
    def _leads_somewhere(self) -> "Plan":
        """What takes a service forward says which, and from where to where."""
        if self.forward and (len(self.path) < 2 or not (self.service or self.kind == "rehearsal")):
            raise ValueError("a service, and a path of two series or more, are missing")
        return self

    @property
    def forward(self) -> bool:
        """Whether it takes a service through series; a deployment and its removal do not."""
        return self.kind in ("rehearsal", "upgrade", "restore")

    @property
    def title(self) -> str:
        """What it does: ``Rehearsal of keystone from 2024.1 to 2026.2``, ``Deployment of demo``.

        That of a model whose services go to another release: ``Upgrade of demo: keystone from 2025.1 to 2026.1``.
        """
        if self.forward:
            return f"{self.kind.capitalize()} of {self.service or self.cloud} from {self.source} to {self.target}"
        if moves := self.moves:
            by_way: dict[tuple[str, str], list[str]] = {}
            for service, way in moves.items():
                by_way.setdefault(way, []).append(service)
            told = (f"{', '.join(names)} from {source} to {target}" for (source, target), names in by_way.items())
            return f"Upgrade of {self.cloud}: {'; '.join(told)}"
        return f"{self.kind.capitalize()} of {self.cloud}"

    @property
    def moves(self) -> dict[str, tuple[str, str]]:
        """The services of a model that are stopped and go to another release: from which, and to which."""
        return {
            str(step.arguments["service"]): (str(step.arguments["source"]), str(step.arguments["series"]))
            for step in self.steps
            if step.action == "model.compare"
        }

    @property
    def source(self) -> str:
        """Identifier of the series the service is at."""
        return self.path[0]

    @property
    def target(self) -> str:
        """Identifier of the series the service is taken to."""
        return self.path[-1]

    def step(self, step_id: str) -> Step:
        """The step with this identifier. Raises KeyError."""
        for step in self.steps:
            if step.id == step_id:
                return step
        raise KeyError(step_id)

    def sealed(self) -> "Plan":
        """The same plan with its digest computed."""
        return self.model_copy(update={"digest": self.computed_digest()})

    def computed_digest(self) -> str:
        """The digest that the plan's content calls for."""
        return digest_of(self.model_dump(mode="json", exclude={"digest"}))

    def to_json(self) -> str:
        """The plan as indented JSON, ending in a newline."""
        return json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"

    def drift(self, facts_now: Mapping[str, JsonValue]) -> list[str]:
        """One line for each fact that differs from the planned one; empty when the plan still holds."""
        lines = []
        for name in sorted(set(self.facts) | set(facts_now)):
            planned, now = self.facts.get(name), facts_now.get(name)
            if planned != now:
                lines.append(f"{name}: planned with {json.dumps(planned)}, is now {json.dumps(now)}")
        return lines


def parse(text: str, name: str = "plan") -> Plan:
    """Read a plan that :meth:`Plan.to_json` wrote.

    Raises PlanUnreadable for anything that is not a plan of a known format, PlanEdited where the content does
    not match the digest or the steps do not form an acyclic graph.
    """
    try:
        plan = Plan.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise PlanUnreadable(f"{name} is not a plan of format {FORMAT}.", evidence=f"{place}: {first['msg']}") from None
    if plan.digest != plan.computed_digest():
        raise PlanEdited(
            f"{name} was changed after it was made.",
            evidence=f"digest in the file {plan.digest}\ndigest of its content {plan.computed_digest()}",
            state="Nothing was touched.",
            next_command=f"onward plan upgrade --to {plan.target} -o {name}" if plan.forward else "",
        )
    return plan


def in_order(steps: Iterable[Step]) -> list[Step]:
    """The steps so that each comes after what it needs; equal input gives equal order.

    Raises ValueError for a need that is not in the plan, an identifier used twice, or a circle.
    """
    remaining = list(steps)
    known = {step.id for step in remaining}
    if len(known) != len(remaining):
        raise ValueError("an identifier is used twice")
    waiting: dict[str, int] = {}
    followers: dict[str, list[int]] = {}
    for position, step in enumerate(remaining):
        for need in step.needs:
            if need not in known:
                raise ValueError(f"{step.id} needs {need}, which is not in the plan")
            followers.setdefault(need, []).append(position)
        waiting[step.id] = len(set(step.needs))
    ready = [position for position, step in enumerate(remaining) if waiting[step.id] == 0]
    ordered: list[Step] = []
    for position in ready:  # grows while it is walked
        step = remaining[position]
        ordered.append(step)
        for follower in dict.fromkeys(followers.get(step.id, ())):
            waiting[remaining[follower].id] -= 1
            if waiting[remaining[follower].id] == 0:
                ready.append(follower)
    if len(ordered) != len(remaining):
        left = sorted(step_id for step_id, count in waiting.items() if count)
        raise ValueError(f"steps need each other in a circle: {', '.join(left[:5])}")
    return ordered
