"""What has changed between two rounds of the same checks. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from onward.checks.finding import QUIET, Finding

Kind = Literal["new", "gone", "level", "words"]

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(frozen=True)
class Change:
    """One finding that is not what it was."""

    kind: Kind
    """``level``: its result is another, or it is waived now, or no more. ``words``: its result is what it was, and it
    says something else of it."""
    finding: Finding
    """As it is now; as it was, where it is gone."""
    before: Finding | None = None
    """As it was, where it was there."""


def changes(before: Iterable[Finding], after: Iterable[Finding]) -> list[Change]:
    """What is new, has changed or is gone, in the order of the later round.

    A finding is the same when its check, its name and what it is about are. Numbers alone that its details count up
    or down, as free memory and ages do, are no change; nor is it one that something passes, or is not looked at, that
    was not there before.
    """
    earlier: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in before:
        earlier.setdefault(_same(finding), []).append(finding)
    later: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in after:
        later.setdefault(_same(finding), []).append(finding)
    found: list[Change] = []
    for key in dict.fromkeys((*later, *earlier)):
        found += _of_one(earlier.get(key, []), later.get(key, []))
    return found


def _same(finding: Finding) -> tuple[str, str, str]:
    return finding.check, finding.name, finding.about


def _of_one(before: Sequence[Finding], after: Sequence[Finding]) -> list[Change]:
    """Of the findings of one name: what says the same is taken from both, the rest is paired as well as it can be."""
    left, new = list(before), list(after)
    found: list[Change] = []
    for alike in (_said, _level):
        for finding in list(new):
            twin = next((each for each in left if alike(each) == alike(finding)), None)
            if twin is None:
                continue
            left.remove(twin)
            new.remove(finding)
            if alike is _level and finding.result not in QUIET:
                found.append(Change("words", finding, twin))
    for was, finding in zip(left, new, strict=False):
        found.append(Change("level", finding, was))
    paired = min(len(left), len(new))
    found += [Change("new", finding) for finding in new[paired:] if finding.result not in QUIET]
    found += [Change("gone", finding, finding) for finding in left[paired:] if finding.result not in QUIET]
    return found


def _said(finding: Finding) -> tuple[object, ...]:
    return *_level(finding), _NUMBER.sub("#", finding.details)


def _level(finding: Finding) -> tuple[object, ...]:
    return finding.result, finding.waived
