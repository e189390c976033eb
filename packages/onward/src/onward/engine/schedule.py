"""Which steps may begin now. Pure: what has ended goes in, steps come out."""

from collections.abc import Collection
from heapq import heappop, heappush

from onward.plan.plan import Plan
from onward.plan.step import Step


class Schedule:
    """What remains of a plan. What a step costs grows with its followers and the pools, not with the plan."""

    def __init__(self, plan: Plan, overall_limit: int) -> None:
        self.running: dict[str, Step] = {}
        self.done: set[str] = set()
        self._plan = plan
        self._overall_limit = overall_limit
        self._position = {step.id: place for place, step in enumerate(plan.steps)}
        self._missing = {step.id: set(step.needs) for step in plan.steps}
        self._followers: dict[str, list[str]] = {}
        # For each pool the positions of its ready steps, as a heap; None is the pool of those that have none.
        self._ready: dict[str | None, list[int]] = {}
        self._busy: dict[str | None, int] = {}
        for step in plan.steps:
            for need in set(step.needs):
                self._followers.setdefault(need, []).append(step.id)
            if not step.needs:
                self._make_ready(step.id)

    def finished_before(self, step_ids: Collection[str]) -> None:
        """Take these as done in an earlier life of the run. To be called before anything begins."""
        for step in self._plan.steps:
            if step.id in step_ids:
                self._complete(step.id)
        for heap in self._ready.values():
            # A sorted list is a heap.
            heap[:] = sorted({place for place in heap if self._plan.steps[place].id not in self.done})

    def begin_next(self) -> Step | None:
        """The next step that may begin, in the plan's order, or None; it counts as running from now on."""
        if len(self.running) >= self._overall_limit:
            return None
        heaps = [heap for pool, heap in self._ready.items() if heap and self._has_room(pool)]
        if not heaps:
            return None
        step = self._plan.steps[heappop(min(heaps))]
        self.running[step.id] = step
        self._busy[step.pool] = self._busy.get(step.pool, 0) + 1
        return step

    def succeeded(self, step_id: str) -> None:
        """A running step is done; its followers may begin."""
        self._leave(step_id)
        self._complete(step_id)

    def failed(self, step_id: str) -> None:
        """A running step has failed; nothing that needs it will begin."""
        self._leave(step_id)

    @property
    def finished(self) -> bool:
        """True when every step is done."""
        return len(self.done) == len(self._plan.steps)

    def _leave(self, step_id: str) -> None:
        step = self.running.pop(step_id)
        self._busy[step.pool] -= 1

    def _complete(self, step_id: str) -> None:
        self.done.add(step_id)
        for follower in self._followers.get(step_id, ()):
            self._missing[follower].discard(step_id)
            if not self._missing[follower]:
                self._make_ready(follower)

    def _make_ready(self, step_id: str) -> None:
        place = self._position[step_id]
        heappush(self._ready.setdefault(self._plan.steps[place].pool, []), place)

    def _has_room(self, pool: str | None) -> bool:
        if pool is None or pool not in self._plan.limits:
            return True
        return self._busy.get(pool, 0) < self._plan.limits[pool]
