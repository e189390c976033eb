"""Which steps may begin now. Pure: statuses in, steps out."""

from collections.abc import Collection
from dataclasses import dataclass, field

from onward.plan.plan import Plan
from onward.plan.step import Step


@dataclass
class Schedule:
    """What remains of a plan. Cost per finished step grows with its followers, not with the plan."""

    plan: Plan
    overall_limit: int
    running: dict[str, Step] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._position = {step.id: place for place, step in enumerate(self.plan.steps)}
        self._missing = {step.id: set(step.needs) for step in self.plan.steps}
        self._followers: dict[str, list[str]] = {}
        for step in self.plan.steps:
            for need in step.needs:
                self._followers.setdefault(need, []).append(step.id)
        self._ready = {step.id for step in self.plan.steps if not step.needs}

    def finished_before(self, step_ids: Collection[str]) -> None:
        """Take these as done in an earlier life of the run."""
        for step in self.plan.steps:
            if step.id in step_ids:
                self._ready.discard(step.id)
                self._complete(step.id)

    def begin_next(self) -> Step | None:
        """The next step that may begin, in the plan's order, or None; it counts as running from now on."""
        if len(self.running) >= self.overall_limit:
            return None
        for step_id in sorted(self._ready, key=self._position.__getitem__):
            step = self.plan.steps[self._position[step_id]]
            if self._pool_has_room(step):
                self._ready.remove(step_id)
                self.running[step_id] = step
                return step
        return None

    def succeeded(self, step_id: str) -> None:
        """A running step is done; its followers may begin."""
        del self.running[step_id]
        self._complete(step_id)

    def failed(self, step_id: str) -> None:
        """A running step has failed; nothing that needs it will begin."""
        del self.running[step_id]

    @property
    def finished(self) -> bool:
        """True when every step is done."""
        return len(self.done) == len(self.plan.steps)

    def _complete(self, step_id: str) -> None:
        self.done.add(step_id)
        for follower in self._followers.get(step_id, ()):
            self._missing[follower].discard(step_id)
            if not self._missing[follower] and follower not in self.done and follower not in self.running:
                self._ready.add(follower)

    def _pool_has_room(self, step: Step) -> bool:
        if step.pool is None or step.pool not in self.plan.limits:
            return True
        busy = sum(1 for other in self.running.values() if other.pool == step.pool)
        return busy < self.plan.limits[step.pool]
