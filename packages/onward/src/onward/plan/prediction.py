"""Predicts the outage in production from the measurements of a rehearsal."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from onward.plan.forward import census_id, migrate_id, runner_id
from onward.plan.plan import Plan, in_order
from onward.plan.step import Step

START_LABEL = "start of the {series} API"
CENSUS_LABEL = "census of the rows, before and after"
EXTRACTION_LABEL = "tables into a database of their own"
OVERHEAD_LABEL = "Onward itself, between and around the commands"
STEPS_BESIDE_MIGRATIONS = 3
"""An outage in production also has the gate before the migrations, the census before and the census after them."""


@dataclass(frozen=True)
class Part:
    """One part of the outage. ``share`` is its fraction of the whole, from 0 to 1."""

    label: str
    seconds: float
    share: float


@dataclass(frozen=True)
class Prediction:
    """The outage to expect, and what it is made of, in the order in which it will happen."""

    outage_seconds: float
    parts: tuple[Part, ...]
    dominates: str
    """Label of the longest part."""
    notes: tuple[str, ...]
    """Full sentences: what is not included, and what is assumed."""


def predict(
    plan: Plan,
    seconds_by_step: Mapping[str, float],
    evidence: Mapping[str, Mapping[str, Any]],
    *,
    between_steps: float = 0.0,
) -> Prediction | None:
    """The outage of an upgrade in production, after what a rehearsal of it measured.

    ``seconds_by_step`` and ``evidence`` are those of the finished steps; ``between_steps`` is how many seconds pass
    from the end of one step to the beginning of the next. None where a migration has not been measured, or where
    the plan is not a rehearsal's: an outage of unknown length has no prediction.
    """
    lanes = _lanes(plan)
    if plan.kind != "rehearsal" or not lanes:
        return None
    if any(migrate_id(series, name) not in seconds_by_step for name, path in lanes.items() for series in path[1:]):
        return None
    parts_of = {
        name: _parts_of_lane(name, path, seconds_by_step, evidence, _api_start(plan, evidence, name), between_steps)
        for name, path in lanes.items()
    }
    sums = {name: sum(seconds for _, seconds in parts) for name, parts in parts_of.items()}
    total = max(sums.values())
    parts = parts_of[""] if "" in parts_of else list(sums.items())
    censuses = [seconds_by_step.get(census_id(path[at], name)) for name, path in lanes.items() for at in (0, -1)]
    unstarted = [name for name in lanes if _api_start(plan, evidence, name) is None]
    return Prediction(
        outage_seconds=total,
        parts=tuple(Part(label, seconds, seconds / total if total else 0.0) for label, seconds in parts),
        dominates=max(parts, key=lambda part: part[1])[0],
        notes=(*_not_included(censuses, unstarted), *_cold(lanes, evidence), *_assumptions(plan)),
    )


def _lanes(plan: Plan) -> dict[str, tuple[str, ...]]:
    """The series of each lane, by its name; one without a name where the plan takes one service forward."""
    if plan.service:
        return {"": plan.path}
    migrations = [step.arguments for step in plan.steps if step.action == "database.migrate"]
    found: dict[str, Any] = {str(each["service"]): each.get("path", plan.path) for each in migrations}
    return {name: tuple(path) for name, path in found.items()}


def _parts_of_lane(
    name: str,
    path: tuple[str, ...],
    seconds_by_step: Mapping[str, float],
    evidence: Mapping[str, Mapping[str, Any]],
    start: float | None,
    between_steps: float,
) -> list[tuple[str, float]]:
    """What the outage of one service is made of, each part with its seconds."""
    migrations = [(series, migrate_id(series, name)) for series in path[1:]]
    measured = {step_id: _command_seconds(evidence.get(step_id), seconds_by_step[step_id]) for _, step_id in migrations}
    # A rehearsal makes a checkpoint of the copy before each migration; an upgrade in place makes one backup instead.
    checkpoints = {step_id: float(evidence.get(step_id, {}).get("checkpoint_seconds", 0.0)) for step_id in measured}
    around = sum(
        max(0.0, seconds_by_step[step_id] - seconds - checkpoints[step_id]) for step_id, seconds in measured.items()
    )
    censuses = [seconds_by_step.get(census_id(series, name)) for series in (path[0], path[-1])]
    parts = [(f"migration to {series}", measured[step_id]) for series, step_id in migrations]
    # What gets a database of its own, and what the first release does with it.
    extraction = [seconds_by_step[each] for each in ("copy", "take-over") if each in seconds_by_step]
    if "take-over" in seconds_by_step:
        parts.insert(0, (EXTRACTION_LABEL, sum(extraction)))
    if known := [seconds for seconds in censuses if seconds is not None]:
        parts.append((CENSUS_LABEL, sum(known)))
    if start is not None:
        parts.append((START_LABEL.format(series=path[-1]), start))
    return [*parts, (OVERHEAD_LABEL, around + between_steps * (len(migrations) + STEPS_BESIDE_MIGRATIONS))]


def critical_path(steps: Iterable[Step], seconds: Mapping[str, float]) -> tuple[tuple[Step, ...], float]:
    """The longest chain of steps that wait for each other, and its length in seconds.

    Needs that are not among ``steps`` count as done; a step without a known duration counts as 0.
    """
    chosen = list(steps)
    known = {step.id for step in chosen}
    inside = [step.model_copy(update={"needs": tuple(need for need in step.needs if need in known)}) for step in chosen]
    length: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for step in in_order(inside):
        longest = max(step.needs, key=lambda need: length[need], default=None)
        before[step.id] = longest
        length[step.id] = (length[longest] if longest is not None else 0.0) + seconds.get(step.id, 0.0)
    if not length:
        return (), 0.0
    by_id = {step.id: step for step in chosen}
    last: str | None = max(length, key=lambda step_id: length[step_id])
    total = length[str(last)]
    chain: list[Step] = []
    while last is not None:
        chain.append(by_id[last])
        last = before[last]
    return tuple(reversed(chain)), total


def _command_seconds(evidence: Mapping[str, Any] | None, step_seconds: float) -> float:
    """How long the release's own commands took, as the step measured them; the whole step where it did not."""
    commands = (evidence or {}).get("commands")
    if not commands:
        return step_seconds
    return float(sum(command.get("seconds") or 0.0 for command in commands))


def _api_start(plan: Plan, evidence: Mapping[str, Mapping[str, Any]], lane: str) -> float | None:
    """How long the target's API took until it answered: the proof starts it."""
    for step in plan.steps:
        if step.action == "identity.prove" and lane in ("", step.arguments["service"]):
            seconds = evidence.get(step.id, {}).get("api_start_seconds")
            return None if seconds is None else float(seconds)
    return None


def _not_included(censuses: list[float | None], unstarted: list[str]) -> list[str]:
    notes = [
        "Not included: draining and stopping the service on every host, and starting it on all hosts but one.",
        "Not included: the backup before the first migration, which was not measured.",
    ]
    if None in censuses:
        notes.append("Not included: one of the two censuses, which was not measured.")
    if unstarted == [""]:
        notes.append("Not included: the start of the new API, which was not measured.")
    elif unstarted:
        notes.append(f"Not included: the start of {', '.join(unstarted)} at the target, which was not measured.")
    return notes


def _cold(lanes: Mapping[str, tuple[str, ...]], evidence: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What a service takes besides that is started by a command of its own: here its code had been imported before."""
    runners = (evidence.get(runner_id(path[-1], name), {}).get("seconds") for name, path in lanes.items())
    imports = [float(seconds) for seconds in runners if seconds is not None]
    if not imports:
        return []
    words = "Not included: importing the new code, where a command of yours starts the service: that took"
    return [f"{words} {max(imports):.1f} s here, while the service was up."]


def _assumptions(plan: Plan) -> list[str]:
    """What must be true for the prediction to hold, from what the rehearsal ran on."""
    notes = [
        "Assumed: the production database server and its network are as fast as the copy on this machine.",
        "Assumed: environments are built and runners are warm before the service is stopped, as they were here.",
    ]
    if not plan.service:
        notes.append("Assumed: all services go side by side, as here. The longest of them is the outage of the cloud.")
    actions = {step.action: step for step in plan.steps}
    if "identity.seed" in actions:
        notes.append(
            "Assumed: production holds as much data as the demonstration cloud. Rehearse a dump of the production"
            " database for a number to plan with."
        )
    scratch = actions.get("scratch.create")
    if scratch is not None and scratch.arguments.get("backend") == "sqlite":
        notes.append("Assumed: production migrates as fast as SQLite did; another database server will differ.")
    return notes
