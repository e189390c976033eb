"""From what is said to the few causes that explain it, ranked: see docs/adr/0016-causes-by-parsimonious-cover.md."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from onward.diagnosis.dependencies import Dependencies
from onward.diagnosis.hypothesis import PARTICULAR, PASSED_ON, TELLING, Hypothesis, hypotheses
from onward.diagnosis.observation import GIVEN_TIME, LASTING, NO_NOISE, ONWARD, Observation, latest

ENOUGH_HIT = 0.5
"""Of those who would see it, at least so many do."""
MANY = 3
"""So many who say the same of one are believed at once."""
HOLD_UP = frozenset({"disk", "overload"})
"""What a node has that a cluster waits for: RabbitMQ blocks whoever publishes at any node until the alarm of one ends
(https://www.rabbitmq.com/docs/3.10/alarms), and Galera has all nodes wait for the one that cannot follow."""
PASSED_ON_WEIGHT = 0.1
"""What an error that may be passed on counts, against 1 of one that was seen directly."""


@dataclass(frozen=True)
class Cause:
    """Something that is wrong."""

    kind: str
    subject: str
    evidence: str
    explains: int
    """Complaints that it explains and that no cause before it does."""
    seen: tuple[Observation, ...]
    """The complaints that speak of it directly."""

    @property
    def ends(self) -> tuple[str, ...]:
        """The subject, or both where it is between two: ``glance > mariadb``, ``glance - mariadb``."""
        return tuple(re.split(" [>-] ", self.subject))


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, and what could not be told."""

    causes: tuple[Cause, ...]
    """The one that explains most first; nothing: nothing is wrong that anybody would have seen."""
    untold: tuple[str, ...]


def diagnose(observations: Sequence[Observation], graph: Dependencies) -> Diagnosis:
    """Name the causes. The same observations, in whatever order, have the same ones."""
    said = latest(tuple(observations))
    waiting = _given_time(said, graph)
    left = dict.fromkeys(
        each
        for each in _believed(said)
        if each.saw not in PASSED_ON or graph.application.get(each.about, each.about) not in waiting
    )
    counted = [each for each in said if each.saw == "ok" or each in left]
    thoughts = [each for each in hypotheses(counted, graph) if each.hit >= ENOUGH_HIT]
    partly = _partly_well(said, graph)
    serving = _serving(said, graph)
    thinkable = {seen for each in thoughts for seen in each.seen}
    speaks = frozenset(graph.application.get(each.user, each.user) for each in left if each in thinkable)
    explained = {each: _explained(each, left, graph, partly, serving, speaks) for each in thoughts}
    causes: list[Cause] = []
    untold: list[str] = []
    while left:
        ranked = sorted(
            (each for each in thoughts if any(seen in left and seen.saw in TELLING[each.kind] for seen in each.seen)),
            key=lambda each: (
                -_worth(each, explained[each], left),
                PARTICULAR[each.kind],
                each.subject in graph.units,
                each.subject,
            ),
        )
        if not ranked:
            break
        best = _beneath(ranked, explained, left, graph)
        untold += _as_good(best, [each for each in ranked if each is not best], explained, left)
        taken = [each for each in explained[best] if each in left]
        causes.append(Cause(best.kind, best.subject, evidence(best), len(taken), best.seen))
        for each in taken:
            del left[each]
    untold += [f"why {each.user} sees {each.about} {each.saw}" for each in left]
    return Diagnosis(tuple(causes), tuple(untold))


def _beneath(
    ranked: Sequence[Hypothesis],
    explained: dict[Hypothesis, dict[Observation, float]],
    left: dict[Observation, None],
    graph: Dependencies,
) -> Hypothesis:
    """The first of them, or what lies beneath it: what explains all that it does, and shows itself besides.

    A dead node behind a balancer is not what a whole application hangs on: the balancer leads to another one.
    """
    best = ranked[0]
    for each in ranked[1:]:
        spared = _is_dead_node(each) and any(name in graph.balancers for name in each.where)
        if not spared and _left_of(best, explained, left) < _left_of(each, explained, left):
            best = each
    return best


def _is_dead_node(thought: Hypothesis) -> bool:
    """Who calls a node that is dead hears so at once, and calls another; who calls one that hangs, waits."""
    return thought.kind == "node-down" and any(each.saw in ("refused", "stopped") for each in thought.seen)


def _left_of(
    thought: Hypothesis, explained: dict[Hypothesis, dict[Observation, float]], left: dict[Observation, None]
) -> frozenset[Observation]:
    return frozenset(each for each in explained[thought] if each in left)


def _believed(said: Sequence[Observation]) -> list[Observation]:
    """The complaints that last, or that many have at once."""
    many = Counter((each.about, each.saw) for each in said)
    return [
        each
        for each in said
        if each.saw != "ok"
        and (
            each.times >= LASTING
            or each.saw in NO_NOISE
            or (each.times > GIVEN_TIME and each.saw != "slow" and many[each.about, each.saw] >= MANY)
        )
    ]


def _given_time(said: Sequence[Observation], graph: Dependencies) -> frozenset[str]:
    """Applications that use one of which all units have only just begun: who waits for it is given time as it is."""
    young = {each.about for each in said if each.times == GIVEN_TIME}
    begun = {name for name, units in graph.units.items() if units and young.issuperset(units)}
    return frozenset(name for name, beneath in graph.beneath.items() if beneath & begun)


def _partly_well(said: Sequence[Observation], graph: Dependencies) -> frozenset[str]:
    """Applications of which Onward sees a unit that serves."""
    return frozenset(
        graph.application[each.about]
        for each in said
        if each.user == ONWARD and each.saw == "ok" and each.about in graph.application
    )


def _serving(said: Sequence[Observation], graph: Dependencies) -> dict[str, float]:
    """By application, when a user of it was served last."""
    found: dict[str, float] = {}
    for each in said:
        name = graph.application.get(each.about, each.about)
        if each.saw == "ok" and each.user != ONWARD and graph.application.get(each.user) != name:
            found[name] = max(found.get(name, each.until), each.until)
    return found


def _explained(
    thought: Hypothesis,
    left: dict[Observation, None],
    graph: Dependencies,
    partly: frozenset[str],
    serving: dict[str, float],
    speaks: frozenset[str],
) -> dict[Observation, float]:
    """The complaints that it explains, each with its weight: those seen directly, and those passed on by users.

    A complaint of one is passed on where he depends on what is at fault, and complains of it or passes it on himself;
    of one who says nothing of his own dependencies that could be at fault it is taken for so. A node of several that is
    dead, and does not hang, is not what keeps one unit from answering Onward while those beside it do; and no node is
    what keeps all units of another application from it where its own users have been served since. Who is slow himself
    sees all that he uses slow. A node of a cluster that has no room left keeps those waiting, too, who use the others.
    """
    found = {each: 1.0 for each in thought.seen if each in left}
    if thought.kind in HOLD_UP:
        clusters = {name for name in thought.where if len(graph.units.get(name, ())) > 1 and not graph.uses.get(name)}
        found |= {
            each: found.get(each, PASSED_ON_WEIGHT)
            for each in left
            if each.saw in ("slow", "timed-out") and graph.application.get(each.about, each.about) in clusters
        }
    if thought.kind == "slow":
        itself = thought.where if thought.subject in graph.units else frozenset({thought.subject})
        found |= {
            each: found.get(each, PASSED_ON_WEIGHT)
            for each in left
            if each.saw == "slow" and {each.user, graph.application.get(each.user)} & itself
        }
    served = thought.kind == "node-down" and any(
        serving.get(name, 0) > max(each.since for each in thought.seen) for name in thought.where
    )
    hurt = {graph.application.get(each.user, each.user) for each in found} | thought.where
    by_target: dict[str, list[Observation]] = defaultdict(list)
    for each in left:
        beside = graph.application.get(each.about) in partly
        spared = each.user == ONWARD and (_is_dead_node(thought) if beside else served)
        if each.saw in PASSED_ON and each not in found and not spared:
            by_target[graph.application.get(each.about, each.about)].append(each)
    todo = sorted(by_target)
    while todo:
        reached = [
            name
            for name in todo
            if graph.beneath.get(name, frozenset()) & thought.where and (name in hurt or name not in speaks)
        ]
        if not reached:
            return found
        for name in reached:
            found |= dict.fromkeys(by_target[name], PASSED_ON_WEIGHT)
            hurt |= {graph.application.get(each.user, each.user) for each in by_target[name]}
        todo = [name for name in todo if name not in reached]
    return found


def _worth(thought: Hypothesis, explained: dict[Observation, float], left: dict[Observation, None]) -> float:
    return round(thought.hit * sum(weight for each, weight in explained.items() if each in left), 6)


def _as_good(
    best: Hypothesis,
    others: Sequence[Hypothesis],
    explained: dict[Hypothesis, dict[Observation, float]],
    left: dict[Observation, None],
) -> list[str]:
    worth = _worth(best, explained[best], left)
    return [
        f"whether it is not {each.kind} at {each.subject}: it would look the same"
        for each in others
        if each.subject != best.subject and _worth(each, explained[each], left) == worth
    ]


def evidence(thought: Hypothesis) -> str:
    """In words who saw what, and since when it was so for all of them."""
    users = [each for each in thought.seen if each.user not in (ONWARD, each.about)]
    own = [each for each in thought.seen if each.user in (ONWARD, each.about)]
    asked = sum(each.user not in (ONWARD, each.about) for each in thought.would_see)
    told = []
    if len(users) == 1 and asked == 1:
        told.append(f"{users[0].user} sees {users[0].about} {users[0].saw}{users[0].detail and f': {users[0].detail}'}")
    elif users:
        sights = Counter(each.saw for each in users)
        words = ", ".join(f"{saw} for {count}" for saw, count in sorted(sights.items(), key=lambda each: -each[1]))
        apart = max(each.since for each in users) - min(each.since for each in users)
        told.append(f"{len(users)} of {asked} users lost it within {apart:.1f} s ({words})")
    told += [f"{each.about}: {each.detail or each.saw}" for each in own]
    return "; ".join(told)
