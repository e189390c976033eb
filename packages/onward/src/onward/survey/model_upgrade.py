"""The way of a deployed model to another release: its bundle with other channels, and the plan that follows from it."""

import shlex
from collections.abc import Callable, Iterable
from pathlib import Path

from pydantic import TypeAdapter

from onward.catalog.charms import charms
from onward.catalog.load import series_list
from onward.errors import PlanStale, TargetNotAhead, UnknownService
from onward.hosts.state import Directories
from onward.model.bundle import Bundle
from onward.model.bundle_edit import with_channels
from onward.model.described import Described
from onward.plan.deployment.drift import drift_of_model
from onward.plan.deployment.untouched import BUDGET_SECONDS
from onward.plan.plan import Plan
from onward.survey.deployment import survey_deployment
from onward.survey.options import EnvironmentWish
from onward.survey.recorded import kept_bundle
from onward.survey.wanted import Wanted

FACT = "upgrade"
"""Where a plan says what was wished for, so that the same can be wished for again."""


class ModelUpgrade(Described):
    """What somebody wants of a model."""

    model: str
    target: str
    services: tuple[str, ...] = ()
    """None named: all that the model has."""
    slurp: bool = False
    rolling: int = 0
    dropped: tuple[str, ...] = ()
    budget_seconds: float = BUDGET_SECONDS
    """See ``Wanted`` for these."""
    constraints: str
    parallel: int

    def words(self) -> list[str]:
        """What was typed to wish for it, without what is as usual."""
        found = ["plan", "upgrade", "--model", self.model, "--to", self.target]
        found += [word for service in self.services for word in ("--service", service)]
        found += ["--slurp"] if self.slurp else []
        found += ["--rolling", "--batch", str(self.rolling)] if self.rolling else []
        found += [] if self.budget_seconds == BUDGET_SECONDS else ["--data-plane-budget", str(self.budget_seconds)]
        return found + [word for option in self.dropped for word in ("--drop-option", option)]


def survey_model_upgrade(
    directories: Directories, wish: ModelUpgrade, progress: Callable[[str], None] = lambda _: None
) -> Plan:
    """The plan that takes a model's services to a release: the same as that of its bundle with another channel.

    Raises ModelUnknown, UnknownSeries, UnknownService, TargetNotAhead, NotSlurp, and what the survey of a deployment
    raises.
    """
    wanted = upgraded(kept_bundle(directories, wish.model), wish)
    plan = survey_deployment(directories, wanted, EnvironmentWish(wish.constraints, wish.parallel), progress)
    if not any(step.action == "application.migrate" for step in plan.steps):
        raise TargetNotAhead(
            f"Nothing of {wish.model} has to be taken to {wish.target}.",
            evidence="its services are there already",
            next_command=f"onward status {wish.model}",
        )
    return plan.model_copy(update={"facts": {**plan.facts, FACT: wish.model_dump(mode="json")}}).sealed()


def upgraded(bundle: Bundle, wish: ModelUpgrade) -> Wanted:
    """The bundle that is wished for. Raises UnknownSeries, UnknownService."""
    target = series_list().find(wish.target).id
    known = {name: charms()[entry.charm].service for name, entry in bundle.applications.items()}
    _require_known(wish, {service for service in known.values() if service})
    moving = [name for name, service in known.items() if service and (not wish.services or service in wish.services)]
    changed = with_channels(bundle, dict.fromkeys(moving, target))
    return Wanted(
        changed,
        f"the bundle of {wish.model}",
        wish.model,
        slurp=wish.slurp,
        rolling=wish.rolling,
        dropped=frozenset(wish.dropped),
        budget_seconds=wish.budget_seconds,
    )


def model_upgrade_of(plan: Plan) -> ModelUpgrade | None:
    """What was wished for when the plan was made; None where it is no plan of a model's upgrade."""
    return TypeAdapter(ModelUpgrade).validate_python(plan.facts[FACT]) if FACT in plan.facts else None


def require_fresh(directories: Directories, wish: ModelUpgrade, plan: Plan, file: Path) -> None:
    """Return when the same wish gives the same plan still. Raises PlanStale, which says what is otherwise."""
    again = shlex.join(["onward", *wish.words(), "-o", str(file)])
    try:
        now = survey_model_upgrade(directories, wish)
    except TargetNotAhead as there:
        found = [there.what, there.evidence]
        again = f"onward status {wish.model}"
    else:
        found = drift_of_model(plan, now)
    if found:
        raise PlanStale(
            f"{file} no longer fits the model.",
            evidence="\n".join(found),
            state="Nothing was touched.",
            next_command=again,
        )


def _require_known(wish: ModelUpgrade, there: Iterable[str]) -> None:
    if unknown := sorted(set(wish.services) - set(there)):
        raise UnknownService(
            f"{wish.model} has no service called {unknown[0]!r}.",
            evidence=f"it has: {', '.join(sorted(there))}",
            next_command=f"onward status {wish.model}",
        )
