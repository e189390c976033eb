"""Whether something takes longer than it did, or whether that is the noise of measuring: pure statistics.

Times of one thing, done again and again on one machine, differ by a factor rather than by an amount, so that their
logarithms are compared, by a test of Student's kind: the difference of two means against the spread of the repeats.
Two things are done because there are many things to compare and few repeats of each:

* The spread of one thing, from a handful of repeats, is itself uncertain. It is moderated by the spreads of all the
  others: as far as those are alike, each counts for what the others know (G. K. Smyth, Linear models and empirical
  Bayes methods for assessing differential expression, 2004, sections 4 to 6).
* All things together raise a false alarm no more often than ``LEVEL`` says (S. Holm, A simple sequentially rejective
  multiple test procedure, 1979).

A test by ranks would assume less, but one new run against five old ones can never have a rank that is rarer than one in
six; and the steps of one run are no repeats of each other, as they share its minute and its machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan, cos, exp, log, pi, sin, sqrt
from statistics import fmean, variance
from typing import Literal

LEVEL = 0.05
"""How often two sets of runs that are alike may have anything at all called slower."""
RESOLUTION_SECONDS = 0.05
"""Times that differ by less are the same: whether a server answers is looked at every tenth of a second."""
MOST_BORROWED = 2
"""The spreads of all others count for at most so many times what a spread knows by itself."""
EULER = 0.5772156649015329

Verdict = Literal["slower", "faster", "same", "unknown"]


@dataclass(frozen=True)
class Sample:
    """One thing: its seconds in each of the runs before, and in each of those now."""

    name: str
    before: tuple[float, ...]
    now: tuple[float, ...]


@dataclass(frozen=True)
class Judged:
    """What is to be said of one sample. ``before`` and ``now`` are geometric means of its seconds.

    ``chance`` is how likely so large a difference, of any of all samples, is where nothing has changed; None where
    there is nothing to tell it from.
    """

    name: str
    before: float
    now: float
    chance: float | None
    verdict: Verdict

    @property
    def ratio(self) -> float:
        """How many times as long it takes now."""
        return self.now / self.before


def judge(samples: Sequence[Sample], level: float = LEVEL) -> tuple[Judged, ...]:
    """One judgement for each sample, in their order. All must have the same number of times, before and now.

    With no more than one time before nothing is known of noise, and every verdict is ``unknown``.
    """
    logs = [([_log(each) for each in sample.before], [_log(each) for each in sample.now]) for sample in samples]
    means = [(fmean(before), fmean(now)) for before, now in logs]
    chances: Sequence[float | None] = [None] * len(samples)
    if samples and len(samples[0].before) > 1:
        chances = _together(_chances(logs, means))
    return tuple(
        Judged(sample.name, exp(before), exp(now), chance, _verdict(now - before, chance, level))
        for sample, (before, now), chance in zip(samples, means, chances, strict=True)
    )


def _log(seconds: float) -> float:
    """The logarithm of a time; one that is too short to be measured is as long as what can be."""
    return log(max(seconds, RESOLUTION_SECONDS / 10))


def _verdict(difference: float, chance: float | None, level: float) -> Verdict:
    if chance is None:
        return "unknown"
    if chance > level:
        return "same"
    return "slower" if difference > 0 else "faster"


def _chances(logs: Sequence[tuple[list[float], list[float]]], means: Sequence[tuple[float, float]]) -> list[float]:
    """For each thing by itself, how likely so large a difference is where nothing has changed."""
    many, few = len(logs[0][0]), len(logs[0][1])
    known = many + few - 2
    measured = [_spread(before, now, known) for before, now in logs]
    # What was measured cannot be surer than the clock it was measured with.
    spreads = [max(each, (RESOLUTION_SECONDS / exp(mean[0])) ** 2) for each, mean in zip(measured, means, strict=True)]
    borrowed, common = _prior(spreads, known)
    found = []
    for spread, (before, now) in zip(spreads, means, strict=True):
        moderated = (borrowed * common + known * spread) / (borrowed + known)
        statistic = abs(now - before) / sqrt(moderated * (1 / many + 1 / few))
        found.append(student(statistic, borrowed + known))
    return found


def _spread(before: Sequence[float], now: Sequence[float], known: int) -> float:
    """The variance of both, each around its own mean."""
    squares = sum(variance(each) * (len(each) - 1) for each in (before, now) if len(each) > 1)
    return squares / known


def _prior(spreads: Sequence[float], known: int) -> tuple[int, float]:
    """What all spreads together know of each: for how many repeats it counts, and the spread it says.

    The logarithms of spreads that are all alike differ by a known amount. What they differ by beyond that tells how
    little they are alike (Smyth, section 6.2; the count is rounded down).
    """
    if len(spreads) < 3:
        return 0, 0.0
    logs = [log(each) - _digamma(known) + log(known / 2) for each in spreads]
    beyond = variance(logs) - _trigamma(known)
    borrowed = 0
    while borrowed < MOST_BORROWED * known and _trigamma(borrowed + 1) >= beyond:
        borrowed += 1
    if borrowed == 0:
        return 0, 0.0
    return borrowed, exp(fmean(logs) + _digamma(borrowed) - log(borrowed / 2))


def _together(chances: Sequence[float]) -> list[float]:
    """Each chance as it is when all are looked at together (Holm)."""
    order = sorted(range(len(chances)), key=chances.__getitem__)
    adjusted = [1.0] * len(chances)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(chances) - rank) * chances[place]))
        adjusted[place] = largest
    return adjusted


def student(statistic: float, freedom: int) -> float:
    """How likely Student's t is at least so far from nought, on either side.

    The finite sums for whole degrees of freedom: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.3 and
    26.7.4.
    """
    angle = atan(statistic / sqrt(freedom))
    term, total = 1.0, 0.0
    if freedom % 2:
        for step in range((freedom - 1) // 2):
            term = cos(angle) if step == 0 else term * cos(angle) ** 2 * 2 * step / (2 * step + 1)
            total += term
        inside = 2 / pi * (angle + sin(angle) * total)
    else:
        for step in range(freedom // 2):
            term = 1.0 if step == 0 else term * cos(angle) ** 2 * (2 * step - 1) / (2 * step)
            total += term
        inside = sin(angle) * total
    return min(max(1.0 - inside, 0.0), 1.0)


def _digamma(freedom: int) -> float:
    """The digamma function of half a whole number (Abramowitz and Stegun, 6.3.2 to 6.3.5)."""
    whole = freedom % 2 == 0
    value, at = (-EULER, 1.0) if whole else (-EULER - 2 * log(2), 0.5)
    while at < freedom / 2:
        value += 1 / at
        at += 1
    return value


def _trigamma(freedom: int) -> float:
    """The trigamma function of half a whole number (Abramowitz and Stegun, 6.4.2 to 6.4.6)."""
    whole = freedom % 2 == 0
    value, at = (pi**2 / 6, 1.0) if whole else (pi**2 / 2, 0.5)
    while at < freedom / 2:
        value -= 1 / at**2
        at += 1
    return value
