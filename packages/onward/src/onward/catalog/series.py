"""Release series of OpenStack: their order, dates and what they run on."""

import re
from collections.abc import Iterator
from datetime import date
from difflib import get_close_matches
from itertools import pairwise
from typing import Annotated

from pydantic import Field, model_validator

from onward.catalog.fact import Fact
from onward.errors import NotSlurp, TargetNotAhead, UnknownSeries

_SLURP = re.compile(r"20\d\d\.1")


class Release(Fact):
    """A released version of a service. In the catalogue's file a version alone may stand for one without a date."""

    version: str = Field(pattern=r"^\d+(\.\d+)+$")
    published: date | None = Field(
        default=None, description="Day it appeared on the package index; None: not there, or not looked up"
    )

    @model_validator(mode="before")
    @classmethod
    def _from_version_alone(cls, entry: object) -> object:
        return {"version": entry} if isinstance(entry, str) else entry

    @property
    def order(self) -> tuple[int, ...]:
        """The version's numbers, for comparing: 9.0.10 is later than 9.0.9."""
        return tuple(int(number) for number in self.version.split("."))


class Series(Fact):
    """One release series."""

    id: str = Field(description="2024.1 since Antelope, the name in lower case before")
    name: str = Field(description="antelope, bobcat, caracal, ...")
    released: date = Field(description="Day of the coordinated release")
    slurp: bool = Field(description="True when it may be upgraded to directly from the SLURP release before it")
    python: tuple[Annotated[str, Field(pattern=r"^3\.\d+$")], ...] = Field(
        min_length=1, description="Interpreters that it can run on, the preferred one first: 3.11, 3.10"
    )
    services: dict[str, tuple[Release, ...]] = Field(description="Versions of each service, the oldest first")

    def newest(self, service: str) -> Release:
        """The last version of a service in this series. Raises KeyError."""
        return self.services[service][-1]


class SeriesList:
    """All known series, the oldest first.

    Raises ValueError when the data contradicts itself: see :func:`contradictions`.
    """

    def __init__(self, series: tuple[Series, ...]) -> None:
        if wrong := contradictions(series):
            raise ValueError("; ".join(wrong))
        self._series = series
        self._position = {entry.id: place for place, entry in enumerate(series)}
        self._position |= {entry.name: place for place, entry in enumerate(series)}

    def __iter__(self) -> Iterator[Series]:
        return iter(self._series)

    def __len__(self) -> int:
        return len(self._series)

    def find(self, wanted: str) -> Series:
        """The series with this identifier or name. Raises UnknownSeries, which names the nearest ones."""
        place = self._position.get(wanted.strip().lower())
        if place is None:
            near = get_close_matches(wanted.lower(), self._position, n=3, cutoff=0.4)
            raise UnknownSeries(
                f"There is no series called {wanted!r}.",
                evidence=f"nearest: {', '.join(near)}"
                if near
                else f"known: {self._series[0].id} to {self._series[-1].id}",
                next_command="onward series list",
            )
        return self._series[place]

    def position(self, wanted: str) -> int:
        """Place in the order of releases, from 0. Raises UnknownSeries."""
        return self._position[self.find(wanted).id]

    def path(self, source: str, target: str, *, slurp: bool = False) -> tuple[Series, ...]:
        """The series from source to target, both included; with ``slurp`` only the SLURP releases.

        Raises UnknownSeries, TargetNotAhead, NotSlurp.
        """
        start, end = self.find(source), self.find(target)
        if self.position(end.id) <= self.position(start.id):
            relation = "the series the database is at" if start.id == end.id else f"older than {start.id}"
            raise TargetNotAhead(
                f"{end.id} is {relation}; an upgrade goes to a later one.",
                next_command="onward series list",
            )
        between = self._series[self.position(start.id) : self.position(end.id) + 1]
        if not slurp:
            return between
        for entry in (start, end):
            if not entry.slurp:
                raise NotSlurp(
                    f"{entry.id} is not a SLURP release, so that it cannot begin or end a skip-level upgrade.",
                    evidence=f"SLURP releases: {', '.join(each.id for each in self if each.slurp)}",
                    next_command="leave out --slurp to step through every series",
                )
        return tuple(entry for entry in between if entry.slurp)


def contradictions(series: tuple[Series, ...]) -> list[str]:
    """What cannot be true of the catalogue's series, one sentence each; empty for good data.

    Series follow each other by date and have names of their own; SLURP are the first releases of a year since
    2023; versions of a service grow within a series and from one series to the next.
    """
    wrong = []
    names = [name for entry in series for name in {entry.id, entry.name}]
    wrong += [f"{name} is the name of two series" for name in sorted(set(names)) if names.count(name) > 1]
    for earlier, later in pairwise(series):
        if earlier.released >= later.released:
            wrong.append(f"{later.id} stands after {earlier.id} and was not released after it")
    newest: dict[str, Release] = {}
    for entry in series:
        if entry.slurp != bool(_SLURP.fullmatch(entry.id)):
            wrong.append(f"{entry.id} cannot have slurp: {str(entry.slurp).lower()}")
        for service, releases in entry.services.items():
            for release in releases:
                before = newest.get(service)
                if before and before.order >= release.order:
                    wrong.append(f"{service} {release.version} of {entry.id} stands after {before.version}")
                newest[service] = release
    return wrong
