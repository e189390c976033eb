"""What somebody who calls an API again and again sees of it: how often it failed, and for how long it was gone."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """One call of an API. Times in seconds on one clock that never goes back."""

    begin: float
    end: float
    failed: str = ""
    """Why it failed; empty when it was answered as it should be."""


@dataclass(frozen=True)
class Availability:
    """An API over a time."""

    calls: int
    failed: int
    longest_seconds: float
    """The longest time without a good answer: from the begin of the first call that failed to the end of the next that
    did not, or that of one slow call."""
    last_failure: str
    gone_seconds: float = 0.0
    """The sum of the times from the begin of a call that failed to the end of the next that did not."""


def availability(calls: Sequence[Call], until: float) -> Availability:
    """What the calls of one caller, in their order, say of an API. ``until`` is when nobody called any more."""
    longest, gone, gone_since = 0.0, 0.0, None
    for call in calls:
        if call.failed:
            gone_since = call.begin if gone_since is None else gone_since
        else:
            longest = max(longest, call.end - (call.begin if gone_since is None else gone_since))
            gone += 0.0 if gone_since is None else call.end - gone_since
            gone_since = None
    if gone_since is not None:
        longest = max(longest, until - gone_since)
        gone += until - gone_since
    failures = [call.failed for call in calls if call.failed]
    return Availability(len(calls), len(failures), round(longest, 3), failures[-1] if failures else "", round(gone, 3))
