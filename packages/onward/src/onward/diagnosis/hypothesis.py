"""What may be wrong, and what would be seen then."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from onward.diagnosis.dependencies import Dependencies
from onward.diagnosis.observation import LASTING, ONWARD, SETTLE_SECONDS, Observation, Sight

Kind = Literal["disk", "clock", "certificate", "credentials", "overload", "network", "slow", "node-down", "down"]

TELLING: dict[Kind, frozenset[Sight]] = {
    "disk": frozenset({"no-space"}),
    "clock": frozenset({"clock"}),
    "certificate": frozenset({"certificate"}),
    "credentials": frozenset({"login-refused"}),
    "overload": frozenset({"too-many"}),
    "network": frozenset({"timed-out", "refused"}),
    "slow": frozenset({"slow", "starved"}),
    "node-down": frozenset({"refused", "stopped", "held", "timed-out"}),
    "down": frozenset({"refused", "stopped", "held", "timed-out"}),
}
"""Without one of these nobody thinks of it. In the order in which the more particular is preferred."""

CONSISTENT: dict[Kind, frozenset[Sight]] = {
    "disk": frozenset({"no-space", "failed", "refused", "timed-out", "slow", "stopped", "too-many"}),
    "clock": frozenset({"clock", "login-refused"}),
    "certificate": frozenset({"certificate", "failed"}),
    "credentials": frozenset({"login-refused", "failed"}),
    "overload": frozenset({"too-many", "slow", "timed-out", "refused", "failed"}),
    "network": frozenset({"timed-out"}),
    "slow": frozenset({"slow", "starved", "timed-out"}),
    "node-down": frozenset({"refused", "stopped", "held", "timed-out", "failed"}),
    "down": frozenset({"refused", "stopped", "held", "timed-out", "failed"}),
}
"""What may be seen of it besides, directly."""

PASSED_ON: frozenset[Sight] = frozenset({"failed", "timed-out", "slow", "too-many"})
"""What callers see of one whose own dependency is at fault, and what it says of itself: they queue up."""

UNSEEN_FROM_OUTSIDE: frozenset[Kind] = frozenset({"disk", "clock", "certificate", "credentials", "overload"})
"""Who only looks whether something serves may find it well."""

MEASURED: frozenset[Sight] = frozenset({"no-space", "clock", "too-many", "starved"})
"""What a unit, or Onward, knows of it without being served."""

OF_A_BALANCER: frozenset[Kind] = frozenset({"down", "slow", "overload"})
"""What those who come through it see of a balancer: it passes on everything else as it is."""

PARTICULAR: dict[Kind, int] = {kind: place for place, kind in enumerate(TELLING)}


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """Something that may be wrong somewhere."""

    kind: Kind
    subject: str
    """A unit, an application; for credentials who uses and whom (glance > mariadb); for a network both ends, machines
    or applications (glance - mariadb)."""
    would_see: tuple[Observation, ...]
    """What was said, good or bad, by all who would see it directly."""
    seen: tuple[Observation, ...]
    """Of those, what fits."""
    where: frozenset[str]
    """The applications at fault, whose users may be passed an error on."""

    @property
    def hit(self) -> float:
        """The part of those who would see it and do."""
        return len(self.seen) / len(self.would_see)


def hypotheses(said: Iterable[Observation], graph: Dependencies) -> Iterator[Hypothesis]:
    """All that somebody's words make think of. ``said``: the latest of each, with what is well."""
    about: dict[str, list[Observation]] = defaultdict(list)
    pairs: dict[tuple[str, str], list[Observation]] = defaultdict(list)
    machines: dict[tuple[str, str], list[Observation]] = defaultdict(list)
    for each in said:
        about[each.about].append(each)
        users, provider = graph.application.get(each.user, each.user), graph.application.get(each.about, each.about)
        if each.user != each.about:
            pairs[users, provider].append(each)
            first, second = sorted((graph.machine(each.user), graph.machine(each.about)))
            machines[first, second].append(each)
    for name, units in graph.units.items():
        yield from _of_application(name, units, about, graph)
    for (users, provider), seen in pairs.items():
        yield from _thought("credentials", f"{users} > {provider}", seen, provider)
        now = _said_since(seen)
        if _are_cut_off(users, provider, now, about, graph):
            yield Hypothesis("network", f"{users} - {provider}", now, now, frozenset({provider}))
    for (first, second), seen in machines.items():
        if first != second:
            applications = {graph.application.get(each.about, each.about) for each in seen}
            yield from _thought("network", f"{first or 'here'} - {second}", seen, *applications)


def _said_since(seen: list[Observation]) -> tuple[Observation, ...]:
    """Without those who have not used it any more since the last of the others began to complain."""
    began = max((each.since for each in seen if each.saw != "ok"), default=0.0)
    return tuple(each for each in seen if each.saw != "ok" or each.until >= began)


def _are_cut_off(
    users: str, provider: str, seen: Sequence[Observation], about: dict[str, list[Observation]], graph: Dependencies
) -> bool:
    """Whether no unit of one application reaches another one, which Onward does reach.

    Onward asks now: what other users say of it may be older than the fault. That many say the same at once speaks of
    what they use, and not of the way to it: each has to say it again and again.
    """
    places = (provider, *graph.units.get(provider, ()))
    reached = any(each.user == ONWARD and each.saw == "ok" for place in places for each in about.get(place, ()))
    lasts = all(each.saw in TELLING["network"] and each.times >= LASTING for each in seen)
    return users != ONWARD and reached and lasts


def _of_application(
    name: str, units: tuple[str, ...], about: dict[str, list[Observation]], graph: Dependencies
) -> Iterator[Hypothesis]:
    everywhere = [each for place in dict.fromkeys((name, *units)) for each in about.get(place, ())]
    through = list(_through(name, about, graph))
    alone = len(units) == 1
    for kind in TELLING:
        if kind == "down" or (kind not in ("network", "node-down") and alone):
            seen = [*everywhere, *(through if kind in OF_A_BALANCER else ())]
            yield from _all_of_it(kind, units[0] if alone else name, name, units, seen)
        elif kind not in ("network", "down"):
            showing = [] if alone else [unit for unit in units if _shows(kind, about.get(unit, ()))]
            for unit in showing:
                # Where users see one name for all units, what they complain of may be the only one that shows it.
                of_all = [each for each in about.get(name, ()) if each.saw in CONSISTENT[kind]]
                yield from _thought(kind, unit, [*about[unit], *(of_all if len(showing) == 1 else ())], name)
            if kind not in ("node-down", "disk", "clock"):
                yield from _all_of_it(kind, name, name, units, everywhere)


def _through(balancer: str, about: dict[str, list[Observation]], graph: Dependencies) -> Iterator[Observation]:
    """What users say of those whom they reach through it: it may be the one that they do not reach.

    Onward asks those themselves, and other units do not go through it.
    """
    for name, through in graph.balancers.items():
        if through == balancer:
            for place in dict.fromkeys((name, *graph.units[name][:1])):
                yield from (each for each in about.get(place, ()) if each.user not in (ONWARD, place))


def _shows(kind: Kind, seen: Iterable[Observation]) -> bool:
    return any(each.saw in TELLING[kind] for each in seen)


def _all_of_it(
    kind: Kind, subject: str, name: str, units: tuple[str, ...], seen: list[Observation]
) -> Iterator[Hypothesis]:
    """It is thought of all units only where each that was looked at shows it, or callers of the whole say so."""
    seen = _who_would_know(kind, seen)
    if kind == "credentials" and any(each.saw == "ok" for each in seen):
        # A password is between two: a server whose fault it is has forgotten everybody's.
        return
    places = {each.about for each in seen} & set(units)
    bad = {each.about for each in seen if each.saw in CONSISTENT[kind]}
    if places <= bad:
        yield from _thought(kind, subject, seen, name)


def _thought(kind: Kind, subject: str, seen: list[Observation], *where: str) -> Iterator[Hypothesis]:
    seen = _who_would_know(kind, seen)
    if any(_is_measured(kind, each) for each in seen):
        # Whom it serves well all the same speaks of his luck.
        seen = [each for each in seen if each.saw != "ok"]
    if any(each.saw in TELLING[kind] for each in seen):
        fits = tuple(each for each in seen if each.saw in CONSISTENT[kind] and not (kind == "slow" and _hangs(each)))
        yield Hypothesis(kind, subject, tuple(seen), fits, frozenset(where))


def _is_measured(kind: Kind, each: Observation) -> bool:
    """Whether it is known, and not concluded from a call: a clock, a disk, too little processor, too many callers.

    That there are too many is the server's own word, whoever hears it.
    """
    itself = each.user in (ONWARD, each.about) or each.saw == "too-many"
    return each.saw in MEASURED & TELLING[kind] and itself


def _hangs(each: Observation) -> bool:
    """Onward has patience with one that is slow: it gives up one that hangs."""
    return each.user == ONWARD and each.saw == "timed-out"


def _who_would_know(kind: Kind, seen: list[Observation]) -> list[Observation]:
    """Those whose words say something of it. Who has not used it since others began to complain cannot have seen it.

    Some of those who complain say since when; others only when it was so last.
    """
    began = min((each.since for each in seen if each.saw in TELLING[kind]), default=0.0) - SETTLE_SECONDS
    asked = [each for each in seen if each.saw != "ok" or each.until >= began]
    if kind not in UNSEEN_FROM_OUTSIDE:
        return asked
    return [each for each in asked if each.user != ONWARD or each.saw != "ok"]
