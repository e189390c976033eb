"""What was wrong in a while that has passed: from what was said, and when it changed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from onward.diagnosis.causes import Cause, diagnose
from onward.diagnosis.dependencies import Dependencies
from onward.diagnosis.observation import LASTING, SETTLE_SECONDS, Observation

MOST_LOOKS = 200
"""Moments that are judged: of more changes the last ones count."""


@dataclass(frozen=True)
class Episode:
    """A cause, and from when to when it was named."""

    cause: Cause
    """With the evidence of the moment when most was seen of it."""
    began: float
    ended: float | None
    """None: it is so still."""


def episodes(changes: Sequence[Observation], graph: Dependencies) -> tuple[Episode, ...]:
    """The causes of a while, the first that began first.

    ``changes``: every observation that differs from the last of the same two, in whatever order, and of each two the
    last before the while.
    """
    ordered = sorted(changes, key=lambda each: (each.since, each.user, each.about))
    found: dict[tuple[str, str], Episode] = {}
    over: list[Episode] = []
    said: dict[tuple[str, str], Observation] = {}
    position = 0
    for moment in _moments(ordered):
        while position < len(ordered) and ordered[position].since <= moment:
            each = ordered[position]
            said[each.user, each.about] = each
            position += 1
        now = diagnose([_lasted(each, moment) for each in said.values()], graph).causes
        named = {(each.kind, each.subject): each for each in now}
        for key in [key for key in found if key not in named]:
            over.append(replace(found.pop(key), ended=moment - SETTLE_SECONDS))
        for key, cause in named.items():
            known = found.get(key)
            began = known.began if known else min(each.since for each in cause.seen)
            best = known.cause if known and known.cause.explains > cause.explains else cause
            found[key] = Episode(best, began, None)
    return tuple(sorted((*over, *found.values()), key=lambda each: (each.began, -each.cause.explains)))


def _moments(ordered: Sequence[Observation]) -> list[float]:
    """When to judge: some seconds after a change, once for those that come together."""
    found: list[float] = []
    for each in ordered:
        if not found or each.since > found[-1]:
            found.append(each.since + SETTLE_SECONDS)
    return found[-MOST_LOOKS:]


def _lasted(observation: Observation, moment: float) -> Observation:
    """Who has said the same for a while is believed as if he had said it again and again."""
    lasts = moment - observation.since >= SETTLE_SECONDS / 2
    return replace(observation, times=max(observation.times, LASTING)) if lasts else observation
