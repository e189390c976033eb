"""What the kernel tells of a model's units on this machine, whatever these say themselves: looked at twice."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from onward.diagnosis.dependencies import Dependencies
from onward.diagnosis.observation import Observation
from onward.diagnosis.places import Places
from onward.hosts.supervisor import ProcessState
from onward.observe.connections import Connection, connections
from onward.observe.processes import halted, limit, limited_group, of_process

APART_SECONDS = 2.0
"""Least time between the two looks where a unit is limited."""
UNREAD_SECONDS, LOOK_AGAIN_SECONDS = 6.0, 0.5
"""For how long a unit may not read what has come: a machine that is busy, and a long query, keep it for a while."""
TRIES = 3
"""How often what is sent is sent once more before the way is taken for cut off: 1.4 s where an answer took none."""
GREETINGS = 2
"""The same of a connection that nobody has accepted yet: 3 s."""
USED_UP = 0.8
"""Of the periods in which a unit wanted to run: it had to wait in so many for the next one."""
CROWD = 16
"""Callers who wait until a unit takes them: more than come from a busy moment, or from users who have given up."""
MORE_THAN_A_HEARTBEAT = 64
"""Bytes: an AMQP heartbeat has eight, and comes where nobody has asked for anything."""


class Beneath:
    """A first look; the second one is compared with it."""

    def __init__(self, graph: Dependencies, states: Mapping[str, Sequence[ProcessState]]) -> None:
        """``states``: of the units that are here."""
        self._graph = graph
        self._began = time.monotonic()
        self._units: dict[int, str] = {}
        self._halted: dict[str, int] = {}
        groups: dict[Path, set[str]] = defaultdict(set)
        for unit, processes in states.items():
            for state in processes:
                family = of_process(state.pid) if state.pid else ()
                self._units |= {each.pid: unit for each in family}
                if halted(family):
                    self._halted[unit] = state.pid
                group = limited_group(state.pid) if family else None
                if group is not None:
                    groups[group].add(unit)
        # A group of several units is a limit of the machine, and not of one of them.
        self._limits = {group: (unit, limit(group)) for group, (unit, *more) in groups.items() if not more}
        self._connections = connections()

    def second_look(self, places: Places, consumers: Collection[str]) -> Iterator[Observation]:
        """``consumers``: units that are called through a broker."""
        running = frozenset(self._units.values()) - {*self._halted}
        unread = [
            (unit, each)
            for each in self._connections
            if each.unread > MORE_THAN_A_HEARTBEAT and each.state == "ESTAB"
            for unit in self._units_of(each) & running & {*consumers}
        ]
        crowds = [
            (unit, each, unaccepted(each, self._connections))
            for each in self._connections
            if each.state == "LISTEN" and each.unread >= CROWD
            for unit in self._units_of(each) & running
        ]
        if self._limits:
            time.sleep(max(0.0, self._began + APART_SECONDS - time.monotonic()))
        later = connections()
        while self._seconds() < UNREAD_SECONDS and (unread or any(not _moves(each, later) for each in crowds)):
            time.sleep(LOOK_AGAIN_SECONDS)
            later = connections()
            unread = [(unit, each) for unit, each in unread if reads_nothing(each, later)]
        seconds, at = self._seconds(), time.time()
        for unit, pid in self._halted.items():
            words = f"its process {pid} is stopped by a signal (state T), and goes on after kill -CONT {pid}"
            yield Observation(unit, unit, "held", at, detail=words)
        for unit, each in unread:
            if reads_nothing(each, later):
                words = f"it has read nothing for {seconds:.1f} s of {each.unread} bytes that have come"
                yield Observation(unit, unit, "timed-out", at, detail=words)
        for unit, listening, crowd in crowds:
            waiting = unaccepted(listening, later)
            if len(waiting) >= CROWD and crowd - waiting:
                words = f"{len(waiting)} callers wait until it takes them, one after the other"
                yield Observation(unit, unit, "too-many", at, detail=words)
        yield from self._starved(at)
        yield from cut_off(later, self._units, self._graph, places, at)

    def _starved(self, at: float) -> Iterator[Observation]:
        for group, (unit, before) in self._limits.items():
            now = limit(group)
            periods = now.periods - before.periods
            if unit not in self._halted and periods and now.used_up - before.used_up >= USED_UP * periods:
                words = f"its share of the processor is used up ({group.name})"
                yield Observation(unit, unit, "starved", at, detail=words)

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _units_of(self, connection: Connection) -> set[str]:
        return {self._units[pid] for pid in connection.pids if pid in self._units}


def _moves(crowd: tuple[str, Connection, frozenset[str]], later: Sequence[Connection]) -> bool:
    """Whether one of those who waited has been taken, or so few wait that nobody minds."""
    _, listening, before = crowd
    waiting = unaccepted(listening, later)
    return bool(before - waiting) or len(waiting) < CROWD


def unaccepted(listening: Connection, found: Sequence[Connection]) -> frozenset[str]:
    """The callers who wait that it accepts them. One that hangs accepts none: they stay the same."""
    return frozenset(each.other for each in found if each.local == listening.local and not each.pids)


def reads_nothing(before: Connection, later: Sequence[Connection]) -> bool:
    """Whether of a connection as much is read as was before, and something is left."""
    return any(
        (each.local, each.other, each.state) == (before.local, before.other, "ESTAB")
        and each.received - each.unread == before.received - before.unread
        for each in later
    )


def cut_off(
    found: Sequence[Connection], units: Mapping[int, str], graph: Dependencies, places: Places, at: float
) -> Iterator[Observation]:
    """Who has sent something to another unit, again and again, and its machine does not even acknowledge it.

    ``units``: by process. A server that hangs acknowledges what comes, and so its callers say nothing here.
    """
    told: dict[tuple[str, str], Observation] = {}
    for each in found:
        about = places.by_address.get(each.other)
        greets = each.state == "SYN-SENT"
        if about is None or not each.unsent or each.tried_again < (GREETINGS if greets else TRIES):
            continue
        for unit in {units[pid] for pid in each.pids if pid in units}:
            if graph.application.get(unit) != graph.application.get(about):
                words = f"{each.other} has acknowledged nothing for {each.waited_seconds:.0f} s"
                word = Observation(unit, about, "timed-out", at - each.waited_seconds, detail=words)
                known = told.get((unit, about))
                told[unit, about] = word if known is None or word.since < known.since else known
    yield from told.values()
