"""Warm runners that stay for the next round of the same checks, as many of them as there is memory for."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Lock

from onward.catalog.series import Series
from onward.hosts.lent_runner import ReleaseCommands
from onward.hosts.runner import Runner
from onward.observe.machine import observe_machine
from onward.survey.checks.context import CheckContext
from onward.survey.checks.service_owned import NewRunners
from onward.survey.options import EnvironmentWish

Release = tuple[str, str]
"""A service and a series."""

SHARE = 0.5
"""Of the memory that a machine has left, how much runners may keep between two rounds unless it is said."""
_UNKNOWN_BYTES = 2 << 30
"""What they may keep where the machine does not say what it has left."""


@dataclass(frozen=True)
class Worth:
    """What a runner costs while it is kept, and what it saves."""

    resident_bytes: int
    import_seconds: float

    @property
    def seconds_per_byte(self) -> float:
        """What it is chosen by."""
        return self.import_seconds / max(self.resident_bytes, 1)


def to_give_up(kept: Mapping[Release, Worth], most_bytes: int) -> list[Release]:
    """Those of which the fewest seconds are lost for each byte, until the others fit. Pure.

    Least recently used ones would be the wrong choice: every round needs all of them once, in the same order.
    """
    left = sum(worth.resident_bytes for worth in kept.values())
    given_up: list[Release] = []
    for release, worth in sorted(kept.items(), key=lambda each: each[1].seconds_per_byte):
        if left <= most_bytes:
            break
        given_up.append(release)
        left -= worth.resident_bytes
    return given_up


@dataclass(frozen=True)
class _Kept:
    runner: Runner
    stack: ExitStack
    """Closing it ends the runner."""
    worth: Worth


class KeptRunners:
    """Runners that are started when they are first asked for, and kept for whoever asks next.

    A context: leaving it ends them all. Used by several threads at once; a runner that is at work is nobody else's.
    """

    def __init__(self, most_bytes: int | None = None) -> None:
        """``most_bytes`` is what those that are not at work may hold in all; by default half of what is left here."""
        self._most_bytes = most_bytes if most_bytes is not None else default_bytes()
        self._idle: dict[Release, _Kept] = {}
        self._over = False
        self._lock = Lock()

    def __enter__(self) -> "KeptRunners":
        return self

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self._over = True
            idle, self._idle = list(self._idle.values()), {}
        with ExitStack() as ending:
            for kept in idle:
                ending.push(kept.stack.__exit__)

    def pids(self) -> dict[Release, int]:
        """The runners that wait for the next round."""
        with self._lock:
            return {release: kept.runner.pid for release, kept in self._idle.items()}

    def resident_bytes(self) -> int:
        """What these hold in all, by their own account: pages that they share are counted for each."""
        with self._lock:
            return sum(kept.worth.resident_bytes for kept in self._idle.values())

    @contextmanager
    def borrowed(self, release: Release, start: Callable[[], AbstractContextManager[Runner]]) -> Iterator[Runner]:
        """The one that is kept or, where there is none or it has died, one that is started. Raises what that raises."""
        kept = self._taken(release)
        if kept is None:
            with ExitStack() as stack:
                runner = stack.enter_context(start())
                worth = Worth(runner.resident_bytes, runner.imported_seconds)
                kept = _Kept(runner, stack.pop_all(), worth)
        try:
            yield kept.runner
        finally:
            self._put_back(release, kept)

    @contextmanager
    def idle(self, release: Release) -> Iterator[Runner | None]:
        """The one that is kept and not at work, for as long as the context lasts; None where there is none."""
        kept = self._taken(release)
        try:
            yield None if kept is None else kept.runner
        finally:
            if kept is not None:
                self._put_back(release, kept)

    def _taken(self, release: Release) -> _Kept | None:
        with self._lock:
            kept = self._idle.pop(release, None)
        if kept is None or kept.runner.alive():
            return kept
        kept.stack.close()
        return None

    def _put_back(self, release: Release, kept: _Kept) -> None:
        """Keep it, and end what there is no room for."""
        given_up: list[_Kept] = []
        with self._lock:
            if self._over or not kept.runner.alive() or release in self._idle:
                given_up = [kept]
            else:
                self._idle[release] = kept
                worth = {each: idle.worth for each, idle in self._idle.items()}
                given_up = [self._idle.pop(each) for each in to_give_up(worth, self._most_bytes)]
        for each in given_up:
            each.stack.close()


class RunnersOfRound(NewRunners):
    """The runners of one round: those that are kept, and the missing ones."""

    def __init__(
        self, kept: KeptRunners, context: CheckContext, wish: EnvironmentWish, progress: Callable[[str], None]
    ) -> None:
        super().__init__(context, wish, progress)
        self._kept = kept

    @contextmanager
    def imported(self, service: str, series: Series) -> Iterator[ReleaseCommands]:
        """A runner that is kept afterwards."""
        with self._kept.borrowed((service, series.id), partial(self.started, service, series)) as runner:
            yield runner


def default_bytes() -> int:
    """Half of what this machine, or the control group of this process, has left."""
    left = observe_machine(()).memory
    return _UNKNOWN_BYTES if left is None else int(left * SHARE)
