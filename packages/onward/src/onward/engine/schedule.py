"""Which steps may begin now. Pure: what has ended goes in, steps come out."""

from collections.abc import Collection
from heapq import heappop, heappush

from onward.plan.plan import Plan
from onward.plan.step import WAIT_POOL, Step


class Schedule:
    """What remains of a plan. What a step costs grows with its followers and the pools, not with the plan."""

    def __init__(self, plan: Plan, overall_limit: int, bound: Collection[str] = ()) -> None:
        """``bound`` are steps that only the controller which leads the run may begin.

        ``overall_limit``: steps at once; those of the pool of waiting steps are not counted, where it has a limit.
        """
        self.running: dict[str, Step] = {}
        self.done: set[str] = set()
        self._plan = plan
        self._overall_limit = overall_limit
        self._position = {step.id: place for place, step in enumerate(plan.steps)}
        self._missing = {step.id: set(step.needs) for step in plan.steps}
        self._followers: dict[str, list[str]] = {}
        self._bound = frozenset(bound)
        self._ready: set[str] = set()
        # For each pool, None for those that have none, and for bound steps apart: positions of ready steps, as a heap.
        # One that is no longer ready stays in its heap until it comes to the top.
        self._heaps: dict[tuple[str | None, bool], list[int]] = {}
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
                self._ready.discard(step.id)
                self._complete(step.id)
        self._ready -= self.done

    def begin_next(self, *, leading: bool = True) -> Step | None:
        """The next step that may begin, in the plan's order, or None; it counts as running from now on.

        Who does not lead the run is given no bound step.
        """
        waiting = self._busy.get(WAIT_POOL, 0) if WAIT_POOL in self._plan.limits else 0
        crowded = len(self.running) - waiting >= self._overall_limit
        tops = [
            top
            for (pool, bound), heap in self._heaps.items()
            if (leading or not bound) and self._has_room(pool, crowded) and (top := self._top(heap)) is not None
        ]
        if not tops:
            return None
        step = self._plan.steps[min(tops)]
        self.begun(step.id)
        return step

    def begun(self, step_id: str) -> None:
        """A ready step has begun, here or at another controller."""
        step = self._plan.steps[self._position[step_id]]
        self._ready.discard(step_id)
        self.running[step_id] = step
        self._busy[step.pool] = self._busy.get(step.pool, 0) + 1

    def given_back(self, step_id: str) -> None:
        """A running step was given up without an end, and may begin again."""
        self._leave(step_id)
        self._make_ready(step_id)

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
        self._ready.add(step_id)
        heappush(self._heaps.setdefault((self._plan.steps[place].pool, step_id in self._bound), []), place)

    def _top(self, heap: list[int]) -> int | None:
        """The first position of a heap whose step is still ready."""
        while heap and self._plan.steps[heap[0]].id not in self._ready:
            heappop(heap)
        return heap[0] if heap else None

    def _has_room(self, pool: str | None, crowded: bool) -> bool:
        limited = pool is not None and pool in self._plan.limits
        if crowded and not (limited and pool == WAIT_POOL):
            return False
        if pool is None or not limited:
            return True
        return self._busy.get(pool, 0) < self._plan.limits[pool]
