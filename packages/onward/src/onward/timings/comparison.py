"""Runs held against the runs of a baseline: each work of theirs, and the whole. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import fmean

from onward.timings.noise import Judged, Sample, judge
from onward.timings.run import RunTimes

WHOLE = "the whole run"
SHORTEST_SECONDS = 0.2
"""What took less, before and now, is not judged: the more is asked, the surer each answer would have to be."""
COMMON_SHARE = 0.75
"""Where so many of all works are slower by about the same, it is not their fault."""


@dataclass(frozen=True)
class Compared:
    """A work, of how many steps it consists in each run, and what is to be said of it."""

    steps: int
    judged: Judged


@dataclass(frozen=True)
class Comparison:
    """What became of a baseline's runs.

    ``short``, ``gone`` and ``new`` are works of which nothing is said: too short, not in the runs now, not in those
    before. ``before`` and ``now`` are the numbers of runs.
    """

    before: int
    now: int
    compared: tuple[Compared, ...]
    short: tuple[str, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def noise_known(self) -> bool:
        """Whether the runs before tell how far runs differ that are alike."""
        return self.before > 1

    @property
    def slower(self) -> tuple[Compared, ...]:
        """Works that take longer than noise explains."""
        return tuple(each for each in self.compared if each.judged.verdict == "slower")

    @property
    def faster(self) -> tuple[Compared, ...]:
        """Works that take less."""
        return tuple(each for each in self.compared if each.judged.verdict == "faster")

    @property
    def all_alike(self) -> bool:
        """Whether something is slower, and nearly everything has become so by a similar factor."""
        ratios = [each.judged.ratio for each in self.compared if each.judged.name != WHOLE]
        if not self.slower or len(ratios) < 4:
            return False
        middle = sorted(ratios)[len(ratios) // 2]
        near = [ratio for ratio in ratios if abs(log(ratio / middle)) < abs(log(middle)) / 2]
        return middle > 1 and len(near) >= COMMON_SHARE * len(ratios)


def compare(before: Sequence[RunTimes], now: Sequence[RunTimes]) -> Comparison:
    """Hold runs against those of a baseline; neither is empty.

    What a work takes in a run is the geometric mean over its steps, one for each unit: it is the mean of what is
    compared, the logarithms, and what one unit takes beyond the others counts as little as it can.
    """
    ordered = [*sorted(before, key=lambda run: run.run), *sorted(now, key=lambda run: run.run)]
    works = [_works(run) for run in ordered]
    common = {name for name in works[0] if all(name in each for each in works)}
    samples, sizes, short = [], [], []
    for name in sorted(common):
        # Units that are not in all runs would make a run that has them look slow, or quick.
        shared = set.intersection(*(set(each[name]) for each in works))
        if not shared:
            continue
        seconds = [_middle([each[name][step] for step in sorted(shared)]) for each in works]
        sample = Sample(name, tuple(seconds[: len(before)]), tuple(seconds[len(before) :]))
        if max(fmean(sample.before), fmean(sample.now)) < SHORTEST_SECONDS:
            short.append(name)
            continue
        samples.append(sample)
        sizes.append(len(shared))
    if len({frozenset((step.id, step.work) for step in run.steps) for run in ordered}) == 1:
        whole = [run.seconds for run in ordered]
        samples.insert(0, Sample(WHOLE, tuple(whole[: len(before)]), tuple(whole[len(before) :])))
        sizes.insert(0, len(ordered[0].steps))
    judged = judge(samples)
    return Comparison(
        before=len(before),
        now=len(now),
        compared=tuple(map(Compared, sizes, judged)),
        short=tuple(short),
        gone=_only_in(works[: len(before)], works[len(before) :]),
        new=_only_in(works[len(before) :], works[: len(before)]),
    )


def _works(run: RunTimes) -> dict[str, dict[str, float]]:
    """Seconds by work and step."""
    found: dict[str, dict[str, float]] = {}
    for step in run.steps:
        found.setdefault(step.work, {})[step.id] = step.seconds
    return found


def _middle(seconds: Sequence[float]) -> float:
    """Their geometric mean, of times that can be measured."""
    return exp(fmean(log(max(each, 1e-3)) for each in seconds))


def _only_in(some: Sequence[Mapping[str, object]], others: Sequence[Mapping[str, object]]) -> tuple[str, ...]:
    """Works that some runs have, and of the others not all."""
    return tuple(sorted({name for each in some for name in each if not all(name in other for other in others)}))
