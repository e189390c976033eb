"""What installing a release needs to know beyond its own requirements, and what a failed build means."""

import re
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import Field

from onward.catalog.fact import Fact
from onward.catalog.load import series_list
from onward.catalog.validation import validated

SourceKind = Literal["official", "url", "file", "as-of-release"]

_DATA = files("onward.catalog") / "data"


class Pin(Fact):
    """A package that has to be held, added or left out for some series."""

    requirement: str
    applies: Literal["constrain", "build", "add", "leave-out"]
    sources: tuple[SourceKind, ...] = Field(default=("official", "url", "file", "as-of-release"), alias="with")
    since: str | None = Field(default=None, description="First series that needs it; None: all from the oldest on")
    until: str | None = Field(default=None, description="Last series that needs it; None: all up to the newest")
    not_after: date | None = Field(
        default=None, description="Last day whose files count, where it is later than the release of the series"
    )
    reason: str
    source: str

    @property
    def package(self) -> str:
        """The package's name without the versions."""
        found = re.match(r"[A-Za-z0-9._-]+", self.requirement)
        return found.group() if found else self.requirement


class BuildFault(Fact):
    """Something an installer prints, what it means, and the Debian packages that help."""

    pattern: str = Field(description="Regular expression, searched in the output")
    meaning: str
    install: str | None = None
    kind: Literal["package", "network", "disk"] = "package"


@cache
def pins(series: str, source: SourceKind) -> tuple[Pin, ...]:
    """The pins of a series for a source of constraints, in the order of the catalogue. Raises UnknownSeries."""
    known = series_list()
    place = known.position(series)
    found = []
    for pin in validated("pins.yaml", (_DATA / "pins.yaml").read_text(encoding="utf-8"), tuple[Pin, ...]):
        first = known.position(pin.since) if pin.since else 0
        last = known.position(pin.until) if pin.until else len(known)
        if first <= place <= last and source in pin.sources:
            found.append(pin)
    return tuple(found)


@cache
def build_faults() -> tuple[BuildFault, ...]:
    """What is known of failing builds, the particular before the general."""
    text = (_DATA / "build-faults.yaml").read_text(encoding="utf-8")
    return validated("build-faults.yaml", text, tuple[BuildFault, ...])
