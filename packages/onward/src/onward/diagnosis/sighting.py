"""What was seen of a model at one moment, as it was seen: what it means is worked out from this, then or later."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from onward.diagnosis.observation import GIVEN_TIME, NO_ANSWER, NO_NOISE, ONWARD, SERVED, Observation
from onward.diagnosis.places import Places
from onward.diagnosis.told import is_as_usual, told_by
from onward.model.health import UnitHealth

FROM_A_LOG = "in "
"""What the detail of an observation begins with that was read in a log."""


@dataclass(frozen=True)
class Sighting:
    """One look at everything."""

    at: float
    """In seconds since 1970."""
    seen: tuple[Observation, ...]
    """By Onward itself: of processes, of servers asked in their own protocol, of the logs of services."""
    health: tuple[UnitHealth, ...]
    """What APIs told of what their calls found."""
    young: tuple[str, ...] = ()
    """Units whose processes have only just begun: a restart is no fault, and takes its time."""


def observations(sighting: Sighting, places: Places) -> Iterator[Observation]:
    """All that is said in it. Of one that has only just begun nobody is believed that it is gone.

    Nor of its application, where whoever says so does not tell of which unit.
    """
    young = frozenset(sighting.young)
    applications = {unit.partition("/")[0] for unit in young}
    for each in _all(sighting, places):
        of_it = each.about in young and each.saw not in NO_NOISE
        of_one_of_all = each.about in applications and each.saw in NO_ANSWER
        yield replace(each, times=GIVEN_TIME) if each.user != each.about and (of_it or of_one_of_all) else each


def _all(sighting: Sighting, places: Places) -> Iterator[Observation]:
    """Onward's own word that a unit is slow does not stand against the unit's, which knows what is usual.

    What the kernel knows stands against both: whoever was served by a unit that is held was served before, and one that
    runs too little is slow, however long that takes.
    """
    as_usual = {each.unit for each in sighting.health if is_as_usual(each)}
    held = {each.about for each in sighting.seen if each.saw == "held"}
    served = {each.about for each in sighting.seen if each.user == ONWARD and each.saw == "ok"}
    starved = {each.about for each in sighting.seen if each.saw == "starved"}
    for each in _both(sighting, places):
        if each.about in held and each.saw in SERVED:
            continue
        if each.saw == "starved" and each.about in as_usual & served:
            # It is kept within a limit, and nobody waits any longer for it.
            continue
        if each.user == ONWARD and each.about in starved and each.saw == "timed-out":
            yield replace(each, saw="slow")
        elif each.user == ONWARD and each.saw == "slow" and each.about in as_usual - starved:
            yield replace(each, saw="ok", detail="")
        else:
            yield each


def _both(sighting: Sighting, places: Places) -> Iterator[Observation]:
    """What a unit told of its calls is said after what its log has of the same.

    That one was well, or slow, before Onward looked and had no answer speaks of then: its users may not have called it
    since.
    """
    silent = {each.about: each.since for each in sighting.seen if each.user == ONWARD and each.saw in NO_ANSWER}
    told = {
        (each.user, each.about): each
        for each in told_by(sighting.health, places, sighting.at)
        if each.saw not in SERVED or each.since >= silent.get(each.about, each.since)
    }
    for each in sighting.seen:
        newer = told.get((each.user, each.about))
        if newer is None or (newer.saw != "ok" and each.saw != "failed" and newer.saw == "failed"):
            # A log has words for what the class of an error does not tell.
            told.pop((each.user, each.about), None)
            yield each
        elif newer.since < each.since:
            told.pop((each.user, each.about))
            yield each
    yield from told.values()
